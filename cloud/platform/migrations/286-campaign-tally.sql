-- How far each campaign has come: what its page reads, every few seconds, instead of hundreds of thousands of decisions.
-- Changes are only added here, so that nobody waits for anybody else's count, and are put together from time to time.
CREATE TABLE campaign_tally (
  -- As decisions name it: 'campaign:ID'.
  source text NOT NULL,
  -- An answer of decisions, or an arm of members.
  what text NOT NULL CHECK (what IN ('send', 'hold', 'suppress', 'human', 'treated', 'held_out')),
  reason text,
  households int NOT NULL DEFAULT 0,
  sent int NOT NULL DEFAULT 0,
  shown int NOT NULL DEFAULT 0,
  acted int NOT NULL DEFAULT 0,
  -- Ended without being acted on.
  ended int NOT NULL DEFAULT 0,
  -- Of an arm: who reached the goal.
  reached int NOT NULL DEFAULT 0
);
CREATE INDEX campaign_tally_source ON campaign_tally (source);

-- All that is decided about a household for a campaign is decided at once, and one at most of it is not suppressed: a household counts by
-- that one, or by the best of what it does not get. Once a statement and not once a row.
CREATE FUNCTION count_new_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM came WHERE item_id <> (SELECT item_id FROM came LIMIT 1)) THEN
    -- Of one item every household has one decision: nothing need be sorted.
    INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
    SELECT source, answer, reason, count(*), count(sent_at_ms), count(shown_at_ms), count(acted_at_ms),
      count(*) FILTER (WHERE ended IS NOT NULL AND acted_at_ms IS NULL)
    FROM came GROUP BY 1, 2, 3;
    RETURN NULL;
  END IF;
  INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
  SELECT source, answer, reason, count(*), count(sent_at_ms), count(shown_at_ms), count(acted_at_ms),
    count(*) FILTER (WHERE ended IS NOT NULL AND acted_at_ms IS NULL)
  FROM (
    SELECT DISTINCT ON (source, household_id) source, answer, reason, sent_at_ms, shown_at_ms, acted_at_ms, ended FROM came
    ORDER BY source, household_id, answer = 'suppress', reason IS NOT DISTINCT FROM 'another_suits_better', score DESC, item_id
  ) best GROUP BY 1, 2, 3;
  RETURN NULL;
END $$;
-- What was suppressed stays so. Whatever else changes is the one that its household counts by.
CREATE FUNCTION count_moved_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
  SELECT * FROM (
    SELECT source, answer, reason, sum(n) AS households, sum(n * (sent_at_ms IS NOT NULL)::int) AS sent,
      sum(n * (shown_at_ms IS NOT NULL)::int) AS shown, sum(n * (acted_at_ms IS NOT NULL)::int) AS acted,
      sum(n * (ended IS NOT NULL AND acted_at_ms IS NULL)::int) AS ended
    FROM (
      SELECT 1 AS n, c.source, c.answer, c.reason, c.sent_at_ms, c.shown_at_ms, c.acted_at_ms, c.ended
      FROM came c JOIN went w USING (id) WHERE w.answer <> 'suppress'
      UNION ALL
      SELECT -1, source, answer, reason, sent_at_ms, shown_at_ms, acted_at_ms, ended FROM went WHERE answer <> 'suppress'
    ) moved
    GROUP BY 1, 2, 3
  ) change WHERE (households, sent, shown, acted, ended) <> (0, 0, 0, 0, 0);
  RETURN NULL;
END $$;
CREATE FUNCTION count_new_campaign_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO campaign_tally (source, what, households, reached)
  SELECT 'campaign:' || campaign_id, arm, count(*), count(goal_at_ms) FROM came GROUP BY 1, 2;
  RETURN NULL;
END $$;
CREATE FUNCTION count_goals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO campaign_tally (source, what, reached)
  SELECT 'campaign:' || c.campaign_id, c.arm, count(*) FROM came c JOIN went w USING (campaign_id, household_id)
  WHERE w.goal_at_ms IS NULL AND c.goal_at_ms IS NOT NULL GROUP BY 1, 2;
  RETURN NULL;
END $$;

INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
SELECT source, answer, reason, count(*), count(sent_at_ms), count(shown_at_ms), count(acted_at_ms),
  count(*) FILTER (WHERE ended IS NOT NULL AND acted_at_ms IS NULL)
FROM (
  SELECT DISTINCT ON (source, household_id) source, answer, reason, sent_at_ms, shown_at_ms, acted_at_ms, ended FROM decision
  ORDER BY source, household_id, answer = 'suppress', reason IS NOT DISTINCT FROM 'another_suits_better', score DESC, item_id
) best GROUP BY 1, 2, 3;
INSERT INTO campaign_tally (source, what, households, reached)
SELECT 'campaign:' || campaign_id, arm, count(*), count(goal_at_ms) FROM campaign_member GROUP BY 1, 2;

-- Nothing counts down when rows go: whom an erasure takes, or how old a decision is, changes nothing about what a campaign did.
CREATE TRIGGER decision_came AFTER INSERT ON decision REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_decisions();
CREATE TRIGGER decision_moved AFTER UPDATE ON decision REFERENCING OLD TABLE AS went NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_moved_decisions();
CREATE TRIGGER campaign_member_came AFTER INSERT ON campaign_member REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_campaign_members();
CREATE TRIGGER campaign_member_moved AFTER UPDATE ON campaign_member REFERENCING OLD TABLE AS went NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_goals();
