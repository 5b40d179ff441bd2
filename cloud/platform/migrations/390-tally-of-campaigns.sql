-- Decisions that are of no campaign, such as those that tell of a tier's end, are counted on no page.
CREATE OR REPLACE FUNCTION count_new_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM came WHERE item_id <> (SELECT item_id FROM came LIMIT 1)) THEN
    -- Of one item every household has one decision: nothing need be sorted.
    INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
    SELECT source, answer, reason, count(*), count(sent_at_ms), count(shown_at_ms), count(acted_at_ms),
      count(*) FILTER (WHERE ended IS NOT NULL AND acted_at_ms IS NULL)
    FROM came WHERE starts_with(source, 'campaign:') GROUP BY 1, 2, 3;
    RETURN NULL;
  END IF;
  INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
  SELECT source, answer, reason, count(*), count(sent_at_ms), count(shown_at_ms), count(acted_at_ms),
    count(*) FILTER (WHERE ended IS NOT NULL AND acted_at_ms IS NULL)
  FROM (
    SELECT DISTINCT ON (source, household_id) source, answer, reason, sent_at_ms, shown_at_ms, acted_at_ms, ended FROM came
    WHERE starts_with(source, 'campaign:')
    ORDER BY source, household_id, answer = 'suppress', reason IS NOT DISTINCT FROM 'another_suits_better', score DESC, item_id
  ) best GROUP BY 1, 2, 3;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION count_moved_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO campaign_tally (source, what, reason, households, sent, shown, acted, ended)
  SELECT * FROM (
    SELECT source, answer, reason, sum(n) AS households, sum(n * (sent_at_ms IS NOT NULL)::int) AS sent,
      sum(n * (shown_at_ms IS NOT NULL)::int) AS shown, sum(n * (acted_at_ms IS NOT NULL)::int) AS acted,
      sum(n * (ended IS NOT NULL AND acted_at_ms IS NULL)::int) AS ended
    FROM (
      SELECT 1 AS n, c.source, c.answer, c.reason, c.sent_at_ms, c.shown_at_ms, c.acted_at_ms, c.ended
      FROM came c JOIN went w USING (id)
      WHERE w.answer <> 'suppress' AND c.rests_merge_id IS NULL AND starts_with(c.source, 'campaign:')
      UNION ALL
      SELECT -1, source, answer, reason, sent_at_ms, shown_at_ms, acted_at_ms, ended FROM went
      WHERE answer <> 'suppress' AND rests_merge_id IS NULL AND starts_with(source, 'campaign:')
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
      WHERE starts_with(source, 'campaign:')
      ORDER BY n, source, household_id, answer = 'suppress', reason IS NOT DISTINCT FROM 'another_suits_better', score DESC, item_id
    ) best WHERE answer = 'suppress' GROUP BY 1, 2, 3;
  END IF;
  RETURN NULL;
END $$;
DELETE FROM campaign_tally WHERE NOT starts_with(source, 'campaign:');
