-- Marketing withdrawn endangers a household for as long as a complaint counts, and no longer for ever: whoever stands there because of it is
-- looked at again, and so is whoever comes back when a merge is undone.
UPDATE lifecycle_household SET due_at_ms = 0 WHERE risks @> '{marketing_withdrawn}';
UPDATE lifecycle_aside SET life = life || '{"due_at_ms": 0}' WHERE life->'risks' ? 'marketing_withdrawn';
