-- What the maker decides for all households: caps, room, the share of the hold-out. The newest is in force.
CREATE TABLE engagement_policy (
  version int PRIMARY KEY,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);

CREATE TABLE campaign (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('campaign', 'recall')),
  state text NOT NULL CHECK (state IN ('draft', 'approved', 'running', 'paused', 'finished')),
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  -- Who changed it last: somebody else approves it.
  edited_by text NOT NULL,
  edited_at_ms bigint NOT NULL,
  approved_by text,
  approved_at_ms bigint,
  started_at_ms bigint,
  paused_at_ms bigint,
  ended_at_ms bigint,
  -- Nothing of it goes out at or after this time.
  expires_at_ms bigint NOT NULL,
  -- How far its members have been decided about, and when they were last looked for.
  after_household uuid,
  assigned_at_ms bigint
);
CREATE INDEX campaign_running ON campaign (id) WHERE state = 'running';

-- Who belongs to a campaign, and in which arm: recorded before anything is decided.
CREATE TABLE campaign_member (
  campaign_id uuid NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
  household_id uuid NOT NULL,
  arm text NOT NULL CHECK (arm IN ('treated', 'held_out')),
  quarter text NOT NULL,
  assigned_at_ms bigint NOT NULL,
  goal_at_ms bigint,
  -- Set where it came with a merge of households, so that taking the merge back takes this back.
  merge_id uuid,
  PRIMARY KEY (campaign_id, household_id)
);
CREATE INDEX campaign_member_household ON campaign_member (household_id);
CREATE INDEX campaign_member_merge ON campaign_member (merge_id) WHERE merge_id IS NOT NULL;

-- The appliances that a recall is about; also those that nobody owns.
CREATE TABLE campaign_appliance (
  campaign_id uuid NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
  device_key int NOT NULL,
  device_id text NOT NULL,
  serial text NOT NULL,
  model text NOT NULL,
  household_id uuid,
  delivery_id uuid,
  sent_at_ms bigint,
  shown_at_ms bigint,
  acted_at_ms bigint,
  ended text,
  PRIMARY KEY (campaign_id, device_key)
);
CREATE INDEX campaign_appliance_delivery ON campaign_appliance (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX campaign_appliance_household ON campaign_appliance (household_id) WHERE household_id IS NOT NULL;
-- Those that nobody owns are told directly, a page at a time.
CREATE INDEX campaign_appliance_ownerless ON campaign_appliance (campaign_id, device_key)
  WHERE household_id IS NULL AND delivery_id IS NULL;

-- What was the same for all households of a page of decisions.
CREATE TABLE decision_context (
  id uuid PRIMARY KEY,
  made_at_ms bigint NOT NULL,
  circumstances jsonb NOT NULL,
  candidates jsonb NOT NULL
);

-- The answer to 'does this household get this now, on which channel, and why (not)', with all that it depends on.
CREATE TABLE decision (
  id uuid PRIMARY KEY,
  source text NOT NULL,
  household_id uuid NOT NULL,
  item_id uuid NOT NULL,
  item_version int NOT NULL,
  title text NOT NULL,
  class text NOT NULL,
  priority smallint NOT NULL,
  answer text NOT NULL CHECK (answer IN ('send', 'hold', 'suppress', 'human')),
  reason text,
  channels text[] NOT NULL DEFAULT '{}',
  -- Of what is held: when it is decided anew.
  until_ms bigint,
  decided_at_ms bigint NOT NULL,
  expires_at_ms bigint,
  score int NOT NULL,
  context_id uuid NOT NULL,
  state jsonb NOT NULL,
  trace jsonb NOT NULL,
  sent_at_ms bigint,
  shown_at_ms bigint,
  acted_at_ms bigint,
  -- Why it ended without being acted on: `expired`, `dismissed`, `failed`, `superseded`, `cancelled`.
  ended text,
  merge_id uuid,
  -- Twice is never: whatever crashes in between, a household gets one thing from one source once.
  UNIQUE (source, household_id, item_id),
  CHECK ((answer = 'hold') = (until_ms IS NOT NULL))
);
CREATE INDEX decision_household ON decision (household_id, decided_at_ms DESC);
CREATE INDEX decision_due ON decision (until_ms) WHERE answer = 'hold';
CREATE INDEX decision_merge ON decision (merge_id) WHERE merge_id IS NOT NULL;
-- Contexts that nothing refers to any more are found by it.
CREATE INDEX decision_of_context ON decision (context_id);

-- What was decided before about the same, while it was held.
CREATE TABLE decision_past (
  decision_id uuid NOT NULL REFERENCES decision (id) ON DELETE CASCADE,
  decided_at_ms bigint NOT NULL,
  answer text NOT NULL,
  reason text,
  until_ms bigint,
  context_id uuid NOT NULL,
  state jsonb NOT NULL,
  trace jsonb NOT NULL,
  PRIMARY KEY (decision_id, decided_at_ms)
);

CREATE TABLE decision_delivery (
  delivery_id uuid PRIMARY KEY,
  decision_id uuid NOT NULL REFERENCES decision (id) ON DELETE CASCADE
);
CREATE INDEX decision_delivery_decision ON decision_delivery (decision_id);

-- Letters to people and messages to the maker's app, until they are out. The address is looked up when it is sent.
CREATE TABLE engagement_message (
  id uuid PRIMARY KEY,
  decision_id uuid NOT NULL REFERENCES decision (id) ON DELETE CASCADE,
  channel text NOT NULL CHECK (channel IN ('email', 'webhook')),
  member_id uuid,
  status text NOT NULL CHECK (status IN ('queued', 'delivered', 'failed', 'dropped')),
  attempts int NOT NULL DEFAULT 0,
  next_at_ms bigint NOT NULL,
  until_ms bigint NOT NULL,
  ended_at_ms bigint,
  detail text,
  CHECK ((channel = 'email') = (member_id IS NOT NULL))
);
CREATE INDEX engagement_message_due ON engagement_message (next_at_ms) WHERE status = 'queued';
CREATE INDEX engagement_message_decision ON engagement_message (decision_id);

-- Addresses that are no longer written to, under a keyed hash: that somebody said no outlives their erasure.
CREATE TABLE stopped_address (
  address_hash bytea PRIMARY KEY,
  reason text NOT NULL CHECK (reason IN ('bounced', 'complained', 'unsubscribed')),
  at_ms bigint NOT NULL,
  detail text
);

-- Where the maker's own app is told what a household is to get.
CREATE TABLE engagement_app (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  url text NOT NULL,
  secret bytea NOT NULL,
  changed_at_ms bigint NOT NULL,
  changed_by text NOT NULL,
  gone_at_ms bigint
);

-- When a household cooks: how many programs it began in each hour of each weekday, Monday 0:00 first. Kept only while it agrees.
CREATE TABLE household_habit (
  household_id uuid PRIMARY KEY,
  hours int[] NOT NULL,
  cooking_since_ms bigint
);

-- What a household did with an item (`item:ID`) or a topic (`topic:NAME`). Kept only while it agrees.
CREATE TABLE household_interest (
  household_id uuid NOT NULL,
  subject text NOT NULL,
  saved int NOT NULL DEFAULT 0,
  searched int NOT NULL DEFAULT 0,
  cooked int NOT NULL DEFAULT 0,
  aborted int NOT NULL DEFAULT 0,
  shown int NOT NULL DEFAULT 0,
  ignored int NOT NULL DEFAULT 0,
  last_at_ms bigint NOT NULL,
  PRIMARY KEY (household_id, subject)
);
