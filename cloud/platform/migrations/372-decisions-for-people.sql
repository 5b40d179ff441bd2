-- The households of a campaign that nothing but a person reaches are counted with each page that has some, and listed.
CREATE INDEX decision_human ON decision (source, household_id, item_id) WHERE answer = 'human';
