-- What points are good for.
CREATE TABLE loyalty_reward (
  key text PRIMARY KEY,
  version int NOT NULL,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);

-- A reward that a household put aside: reserved, then redeemed or released.
CREATE TABLE loyalty_redemption (
  id uuid PRIMARY KEY,
  household_id uuid NOT NULL,
  reward text NOT NULL,
  title text NOT NULL,
  points int NOT NULL,
  state text NOT NULL CHECK (state IN ('reserved', 'redeemed', 'released')),
  reserved_at_ms bigint NOT NULL,
  until_ms bigint NOT NULL,
  settled_at_ms bigint,
  reason text
);
CREATE INDEX loyalty_redemption_of ON loyalty_redemption (household_id, id DESC);
CREATE INDEX loyalty_redemption_due ON loyalty_redemption (until_ms) WHERE state = 'reserved';
CREATE INDEX loyalty_redemption_stock ON loyalty_redemption (reward) WHERE state <> 'released';

CREATE TABLE loyalty_offer (
  key text NOT NULL,
  version int NOT NULL,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (key, version)
);

-- An offer made to one household, with what it was told; its id is what the shop knows the order by.
CREATE TABLE loyalty_grant (
  id uuid PRIMARY KEY,
  household_id uuid NOT NULL,
  offer text NOT NULL,
  offer_version int NOT NULL,
  list_price_minor bigint NOT NULL,
  price_minor bigint NOT NULL,
  currency text NOT NULL,
  reason text NOT NULL,
  points_cost int,
  granted_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('granted', 'redeeming', 'calling', 'redeemed', 'failed', 'expired')),
  redeemed_at_ms bigint,
  -- Identity of the touch that redeemed it: the same again is the same touch.
  source text,
  device_key int,
  undo_until_ms bigint,
  next_at_ms bigint,
  give_up_at_ms bigint,
  attempts int NOT NULL DEFAULT 0,
  settled_at_ms bigint,
  detail text
);
CREATE INDEX loyalty_grant_of ON loyalty_grant (household_id, id DESC);
CREATE INDEX loyalty_grant_due ON loyalty_grant (next_at_ms) WHERE state IN ('redeeming', 'calling');
CREATE INDEX loyalty_grant_expiry ON loyalty_grant (expires_at_ms) WHERE state = 'granted';

-- Where the maker's shop takes orders. The key signs, so it lies sealed.
CREATE TABLE loyalty_shop (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  url text NOT NULL,
  secret bytea NOT NULL,
  changed_at_ms bigint NOT NULL
);
