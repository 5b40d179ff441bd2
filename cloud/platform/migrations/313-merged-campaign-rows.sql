-- Of two households that have become one and were in one campaign, one row of the arm and one answer count. The others rest until they are
-- two again.
ALTER TABLE campaign_member
  -- The merge since which it rests, with whom, and the arm that the other one had of its own.
  ADD COLUMN rests_merge_id uuid,
  ADD COLUMN rests_with uuid,
  ADD COLUMN others_arm text CHECK (others_arm IN ('treated', 'held_out')),
  -- The first goal of those that rest with it.
  ADD COLUMN joined_goal_at_ms bigint,
  ADD CHECK ((rests_merge_id IS NULL) = (rests_with IS NULL) AND (rests_merge_id IS NULL) = (others_arm IS NULL));
CREATE INDEX campaign_member_rests ON campaign_member (rests_merge_id) WHERE rests_merge_id IS NOT NULL;
CREATE INDEX campaign_member_rests_with ON campaign_member (rests_with) WHERE rests_with IS NOT NULL;
ALTER TABLE decision
  -- The merge since which it rests, and whose it was before.
  ADD COLUMN rests_merge_id uuid,
  ADD COLUMN rests_of uuid,
  ADD CHECK ((rests_merge_id IS NULL) = (rests_of IS NULL));
CREATE INDEX decision_rests ON decision (rests_merge_id) WHERE rests_merge_id IS NOT NULL;

-- What was suppressed stays so. Whatever else changes is the one that its household counts by. What rests counts nowhere.
CREATE OR REPLACE FUNCTION count_moved_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
  SELECT * FROM (
    SELECT source, answer, reason, sum(n) AS households, sum(n * (sent_at_ms IS NOT NULL)::int) AS sent,
      sum(n * (shown_at_ms IS NOT NULL)::int) AS shown, sum(n * (acted_at_ms IS NOT NULL)::int) AS acted,
      sum(n * (ended IS NOT NULL AND acted_at_ms IS NULL)::int) AS ended
    FROM (
      SELECT 1 AS n, c.source, c.answer, c.reason, c.sent_at_ms, c.shown_at_ms, c.acted_at_ms, c.ended
      FROM came c JOIN went w USING (id) WHERE w.answer <> 'suppress' AND c.rests_merge_id IS NULL
      UNION ALL
      SELECT -1, source, answer, reason, sent_at_ms, shown_at_ms, acted_at_ms, ended FROM went
      WHERE answer <> 'suppress' AND rests_merge_id IS NULL
    ) moved
    GROUP BY 1, 2, 3
  ) change WHERE (households, sent, shown, acted, ended) <> (0, 0, 0, 0, 0);
  IF EXISTS (SELECT FROM came WHERE rests_merge_id IS NOT NULL) OR EXISTS (SELECT FROM went WHERE rests_merge_id IS NOT NULL) THEN
    -- Of whom everything is suppressed counts by the best of it: nothing above did that.
    INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
    SELECT source, answer, reason, sum(n), sum(n * (sent_at_ms IS NOT NULL)::int), sum(n * (shown_at_ms IS NOT NULL)::int),
      sum(n * (acted_at_ms IS NOT NULL)::int), sum(n * (ended IS NOT NULL AND acted_at_ms IS NULL)::int)
    FROM (
      SELECT DISTINCT ON (n, source, household_id) * FROM (
        SELECT -1 AS n, w.* FROM went w JOIN came c USING (id) WHERE w.rests_merge_id IS NULL AND c.rests_merge_id IS NOT NULL
        UNION ALL
        SELECT 1, c.* FROM came c JOIN went w USING (id) WHERE w.rests_merge_id IS NOT NULL AND c.rests_merge_id IS NULL
      ) turned
      ORDER BY n, source, household_id, answer = 'suppress', reason IS NOT DISTINCT FROM 'another_suits_better', score DESC, item_id
    ) best WHERE answer = 'suppress' GROUP BY 1, 2, 3;
  END IF;
  RETURN NULL;
END $$;

DROP TRIGGER campaign_member_moved ON campaign_member;
DROP FUNCTION count_goals();
CREATE FUNCTION count_moved_campaign_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO campaign_tally (source, what, households, reached)
  SELECT * FROM (
    SELECT 'campaign:' || campaign_id, arm, sum(n) AS households,
      sum(n * (goal_at_ms IS NOT NULL OR joined_goal_at_ms IS NOT NULL)::int) AS reached
    FROM (SELECT 1 AS n, * FROM came UNION ALL SELECT -1, * FROM went) moved WHERE rests_merge_id IS NULL GROUP BY 1, 2
  ) change WHERE (households, reached) <> (0, 0);
  RETURN NULL;
END $$;
CREATE TRIGGER campaign_member_moved AFTER UPDATE ON campaign_member REFERENCING OLD TABLE AS went NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_moved_campaign_members();
