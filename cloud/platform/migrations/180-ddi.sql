-- An appliance that speaks hawkBit's device API, from its first request on.
CREATE TABLE ddi_target (
  device_key int PRIMARY KEY REFERENCES device (key),
  -- Actions are counted for each appliance by itself: its clients take no number above 2^31 - 1, and no UUID.
  last_action_id int NOT NULL DEFAULT 0,
  -- It is asked for its attributes.
  attributes_wanted boolean NOT NULL DEFAULT true,
  -- All that it has sent of them: a later request may change a part.
  attributes jsonb NOT NULL DEFAULT '{}',
  -- Since when it agrees to every update by itself; null: a person is asked where the release wants that.
  auto_confirm_since_ms bigint,
  auto_confirm_by text
);

-- A firmware delivery as the client sees it. The delivery says what became of it; here stands only what the delivery cannot know.
CREATE TABLE ddi_action (
  device_key int NOT NULL REFERENCES ddi_target (device_key),
  action_id int NOT NULL,
  delivery_id uuid NOT NULL REFERENCES delivery (id),
  made_at_ms bigint NOT NULL,
  -- What the client means by success, as the model said when the action was made.
  success text NOT NULL CHECK (success IN ('booted', 'written')),
  -- When the client first said that it is at work on it.
  begun_at_ms bigint,
  -- When the last byte of the image went over the wire, or the client said that it has it.
  handed_over_at_ms bigint,
  -- Errors that the client told on the way: SWUpdate tells the cause of a failure before the failure, and not always again with it.
  errors jsonb NOT NULL DEFAULT '[]',
  -- When a person asked for it back from a client that was at work.
  recalled_at_ms bigint,
  recalled_by text,
  -- Since when the client is told to stop.
  cancel_since_ms bigint,
  -- The client has said its last word, or nothing more is expected of it.
  ended_at_ms bigint,
  PRIMARY KEY (device_key, action_id)
);
-- One open action for a delivery. A further attempt after the client's own failure is a further action.
CREATE UNIQUE INDEX ddi_action_open ON ddi_action (delivery_id) WHERE ended_at_ms IS NULL;
CREATE INDEX ddi_action_delivery ON ddi_action (delivery_id);

-- Opens the API for every appliance of a model that speaks it: for a gateway that stands before its appliances.
CREATE TABLE ddi_gateway_token (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  sha256 bytea NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  revoked_at_ms bigint
);
