-- What was on its way of the simple manifest has no release any more: it can be neither sent nor proved, and an appliance that had begun
-- with it would count as busy. It has run out; what its appliance may bring to an end all the same still counts.
UPDATE delivery SET phase = 'expired', cause = 'deadline', due_at_ms = NULL, since_ms = 0, not_before_ms = 0, sends = 0
WHERE kind = 'firmware' AND phase IN ('queued', 'sent', 'received') AND body ->> 'releaseId' IS NULL;
