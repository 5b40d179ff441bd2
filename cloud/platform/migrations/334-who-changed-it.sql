-- Who wanted an appliance's state last, and since when. Of what was wanted before, the audit log knows.
ALTER TABLE device ADD COLUMN desired_by text, ADD COLUMN desired_at_ms bigint;
UPDATE device d SET desired_by = said.principal, desired_at_ms = said.at_ms
FROM (
  SELECT DISTINCT ON (subject) subject, principal, at_ms FROM audit_entry
  WHERE action = 'device.desired_set' ORDER BY subject, sequence DESC
) said
WHERE said.subject = 'device:' || d.id AND d.desired_version > 0;

ALTER TABLE loyalty_shop ADD COLUMN version int NOT NULL DEFAULT 1, ADD COLUMN changed_by text NOT NULL DEFAULT 'system';
UPDATE loyalty_shop SET changed_by = said.principal
FROM (SELECT principal FROM audit_entry WHERE subject = 'loyalty_shop' ORDER BY sequence DESC LIMIT 1) said;
ALTER TABLE loyalty_shop ALTER COLUMN version DROP DEFAULT, ALTER COLUMN changed_by DROP DEFAULT;

-- What was removed stays as a version without an address, so that the next one is no version that was there before.
ALTER TABLE engagement_app ADD COLUMN version int NOT NULL DEFAULT 1,
  ALTER COLUMN url DROP NOT NULL, ALTER COLUMN secret DROP NOT NULL, ADD CHECK ((url IS NULL) = (secret IS NULL));
ALTER TABLE engagement_app ALTER COLUMN version DROP DEFAULT;
