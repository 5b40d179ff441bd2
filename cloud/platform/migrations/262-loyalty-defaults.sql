-- Whom a thing was made for, and whose it is: of households that became one, and are taken apart again.
ALTER TABLE loyalty_redemption ADD COLUMN addressed_id uuid;
UPDATE loyalty_redemption SET addressed_id = household_id;
ALTER TABLE loyalty_redemption ALTER COLUMN addressed_id SET NOT NULL;
ALTER TABLE loyalty_grant ADD COLUMN addressed_id uuid;
UPDATE loyalty_grant SET addressed_id = household_id;
ALTER TABLE loyalty_grant ALTER COLUMN addressed_id SET NOT NULL;

ALTER TABLE loyalty_redemption DROP CONSTRAINT loyalty_redemption_state_check;
ALTER TABLE loyalty_redemption ADD CONSTRAINT loyalty_redemption_state_check CHECK (
  state IN ('reserved', 'redeemed', 'released', 'refunded'));

-- What a maker would begin with: most of it is for living with the product, and not for buying.
INSERT INTO loyalty_rule (key, version, definition, created_at_ms, created_by, from_ms)
SELECT key, 1, jsonb_build_object(
    'act', '{}'::jsonb, 'facts', '{}'::jsonb, 'when', null, 'effects', '[]'::jsonb, 'returns', null, 'limit', '{"kind": "none"}'::jsonb,
    'streak', null, 'tierMultiplied', false, 'delayMs', 0, 'expiresAfterDays', null, 'enabled', true) || definition::jsonb,
  (extract(epoch FROM now()) * 1000)::bigint, 'system', 0
FROM (VALUES
  ('finished_recipe', '{"title": "Cooked a recipe to its end", "act": {"type": "recipe.finished", "from": []},
    "effects": [{"points": 15, "to": "household"}], "limit": {"kind": "per", "period": "day", "count": 2}}'),
  ('energy_saving', '{"title": "Used a program that saves energy", "act": {"type": "program.finished", "from": ["appliance"]},
    "facts": {"program": "text"}, "when": "program in [\"Eco50\", \"SlowCook\", \"Steam\"]",
    "effects": [{"points": 5, "to": "household"}], "limit": {"kind": "per", "period": "day", "count": 2}}'),
  ('descaled_in_time', '{"title": "Removed the limescale in time", "act": {"type": "maintenance.done", "from": ["appliance"]},
    "facts": {"kind": "text", "programs": "number"}, "when": "kind == \"descale\" && programs <= 60",
    "effects": [{"points": 30, "to": "household"}], "limit": {"kind": "per", "period": "month", "count": 1}}'),
  ('cleaned', '{"title": "Cleaned the appliance", "act": {"type": "maintenance.done", "from": ["appliance"]},
    "facts": {"kind": "text"}, "when": "kind == \"clean\"",
    "effects": [{"points": 10, "to": "household"}], "limit": {"kind": "per", "period": "week", "count": 1}}'),
  ('updated_soon', '{"title": "Installed an update within three days", "act": {"type": "firmware.confirmed", "from": ["appliance"]},
    "facts": {"waited_h": "number"}, "when": "waited_h <= 72",
    "effects": [{"points": 20, "to": "household"}], "limit": {"kind": "per", "period": "week", "count": 1}}'),
  ('gave_feedback', '{"title": "Told us how it is", "act": {"type": "feedback.given", "from": []},
    "effects": [{"points": 10, "to": "household"}], "limit": {"kind": "per", "period": "week", "count": 1}}'),
  ('price_checked', '{"title": "Checked a price", "act": {"type": "price.checked", "from": ["web", "app", "shop"]},
    "effects": [{"points": 2, "to": "household"}], "limit": {"kind": "per", "period": "day", "count": 1}}'),
  ('cooking_weeks', '{"title": "Four weeks in a row, and every one after", "act": {"type": "program.finished", "from": ["appliance"]},
    "effects": [{"points": 25, "to": "household"}], "streak": {"period": "week", "length": 4}}'),
  ('variety', '{"title": "Tried a program for the first time", "act": {"type": "program.finished", "from": ["appliance"]},
    "facts": {"program": "text"}, "effects": [{"points": 15, "to": "household"}], "limit": {"kind": "once_per", "fact": "program"}}'),
  ('order_placed', '{"title": "Ordered at the shop", "act": {"type": "order.placed", "from": ["shop"]},
    "facts": {"order_id": "text", "amount_minor": "number"},
    "effects": [{"points": {"of": "amount_minor", "unit": 100, "times": 1, "round": "down", "max": 2000}, "to": "household"}],
    "limit": {"kind": "once_per", "fact": "order_id"}, "tierMultiplied": true, "delayMs": 1209600000}'),
  ('order_returned', '{"title": "Sent an order back", "act": {"type": "order.returned", "from": ["shop"]},
    "facts": {"order_id": "text"}, "returns": {"rule": "order_placed", "by": "order_id"}}'),
  ('referral', '{"title": "Brought friends along", "act": {"type": "referral.paired", "from": ["app", "support"]},
    "effects": [{"points": 100, "to": "referrer"}, {"points": 50, "to": "household"}], "limit": {"kind": "once"}}')
) AS defaults(key, definition);
