-- The first moment that nothing which an appliance had measured had reached when it left: its clock may have run ahead. Readings are kept
-- without the time of their receipt, and by this what came after the leaving is told from what came before. Null where nobody noted it.
ALTER TABLE device_tenure ADD COLUMN reached_ms bigint;
