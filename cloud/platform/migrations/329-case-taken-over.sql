-- What a case took over of the promises of those that went into it, and what was its own: it has that back when they are taken out.
ALTER TABLE service_case ADD COLUMN taken_over jsonb;
