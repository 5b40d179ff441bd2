-- Outside facts of types that are a maker's own, as segments see them: each type with the last day on which it was reported, in the order
-- of the types.
ALTER TABLE household_profile
  ADD COLUMN outside_types text[] NOT NULL DEFAULT '{}',
  ADD COLUMN outside_type_days int[] NOT NULL DEFAULT '{}';

-- Those that were reported before; their profiles are made again from all that is counted.
INSERT INTO household_act (household_id, identity, kind, at_ms, said, home_id)
SELECT household_id, md5(source || ':' || fact_id)::uuid, 'own', at_ms, type, nullif(home_id, household_id) FROM outside_fact
WHERE type NOT IN (
  'program.finished', 'program.aborted', 'maintenance.done', 'fault.raised', 'recipe.finished', 'recipe.aborted', 'recipe.saved',
  'recipe.searched', 'share.created', 'feedback.given', 'page.viewed', 'price.checked', 'cart.added', 'order.placed', 'order.returned',
  'mention.posted')
ON CONFLICT DO NOTHING;
UPDATE household_profile SET is_stale = true WHERE household_id IN (SELECT household_id FROM household_act WHERE kind = 'own');
