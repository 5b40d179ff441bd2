-- Whoever wrote any of a campaign since it was last approved: none of them approves it.
ALTER TABLE campaign ADD COLUMN authors text[];
UPDATE campaign SET authors = ARRAY[created_by, edited_by];
ALTER TABLE campaign ALTER COLUMN authors SET NOT NULL;
