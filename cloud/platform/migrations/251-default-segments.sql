-- Segments that a maker starts with; they change or delete them as any other.
INSERT INTO segment (id, version, definition, changed_at_ms, changed_by)
SELECT id, 1, jsonb_build_object('title', title, 'description', description, 'expression', expression), 0, 'system'
FROM (VALUES
  ('new-without-first-cook', 'New owners without a first cook',
   'They have had their appliance for three days to a month and have not cooked with it. A first recipe helps more than anything else.',
   'programs == 0 && days_since_paired >= 3 && days_since_paired <= 30'),
  ('steam-never-used', 'Steam never used',
   'They own steam and have not tried it in two weeks.',
   'has_steam && steam_programs == 0 && days_since_paired > 14'),
  ('quiet-three-weeks', 'Quiet for three weeks',
   'They cooked before, and not in the last three weeks.',
   'days_since_last_cook > 21'),
  ('descaling-late', 'Descaling late',
   'Steam or a dishwasher, and not descaled for a quarter.',
   '(has_steam || "dishwasher" in kinds) && (days_since_cleaned > 90 || (cleanings == 0 && days_since_paired > 90))'),
  ('top-cooks', 'Top cooks',
   'A dozen programs or more in the last 30 days.',
   'programs_30d >= 12'),
  ('recipe-cooks', 'Cook by recipe',
   'Three recipes or more cooked to the end in the last 30 days.',
   'recipes_finished_30d >= 3'),
  ('at-risk', 'At risk',
   'Disengaged, unhappy, or with faults and a case that is still open. Help first, and nothing to sell.',
   'stage == "disengaged" || last_feedback <= 2 || (faults_30d >= 2 && open_cases >= 1)'),
  ('looking-at-prices', 'Looking at prices',
   'A prospect who looked at a price in the last two weeks.',
   'appliances == 0 && days_since_price_check <= 14'),
  ('left-in-cart', 'Left in the cart',
   'Something lies in the cart that no order took.',
   'in_cart')
) AS d(id, title, description, expression);
INSERT INTO segment_version (segment_key, segment_id, version, definition, changed_at_ms, changed_by)
SELECT key, id, version, definition, changed_at_ms, changed_by FROM segment;
