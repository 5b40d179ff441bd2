-- What the factory knows of where an appliance goes and what it is for; the appliance has it from its enrolment on.
ALTER TABLE manufactured_serial
  ADD COLUMN country text,
  ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
