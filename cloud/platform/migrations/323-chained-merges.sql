-- Whose household became part of one that became part of a third takes its rows back in the same order: the merges before the newest, oldest
-- first; null where there was none.
ALTER TABLE decision ADD COLUMN merges_before uuid[];
ALTER TABLE campaign_member ADD COLUMN merges_before uuid[];
