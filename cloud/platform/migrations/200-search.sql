-- What people call an appliance: its id, and its serial number where that is another; in lower case and without what is put in between
-- when they are written down. Beside the registry's own table, because that one changes with every coming and going, and an index over
-- parts of words is dear to keep.
CREATE TABLE device_name (
  device_key int NOT NULL REFERENCES device (key) ON DELETE CASCADE,
  name_key text NOT NULL,
  PRIMARY KEY (device_key, name_key)
);
CREATE FUNCTION search_key(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT lower(translate(name, '-_./: ', ''))
$$;

CREATE FUNCTION device_names_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO device_name (device_key, name_key)
  SELECT key, search_key(id) FROM added UNION SELECT key, search_key(serial) FROM added;
  RETURN NULL;
END $$;
CREATE TRIGGER device_names_added AFTER INSERT ON device
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION device_names_added();
CREATE FUNCTION device_serial_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM device_name WHERE device_key = NEW.key;
  INSERT INTO device_name (device_key, name_key)
  SELECT NEW.key, search_key(NEW.id) UNION SELECT NEW.key, search_key(NEW.serial);
  RETURN NULL;
END $$;
CREATE TRIGGER device_serial_changed AFTER UPDATE OF serial ON device
  FOR EACH ROW WHEN (OLD.serial IS DISTINCT FROM NEW.serial) EXECUTE FUNCTION device_serial_changed();
INSERT INTO device_name (device_key, name_key)
SELECT key, search_key(id) FROM device UNION SELECT key, search_key(serial) FROM device;

-- Exact, by the beginning, and by the end.
CREATE INDEX device_name_beginning ON device_name (name_key text_pattern_ops);
CREATE INDEX device_name_end ON device_name (reverse(name_key) text_pattern_ops);
CREATE INDEX household_name_beginning ON household (lower(name) text_pattern_ops);
CREATE INDEX household_member_name_beginning ON household_member (lower(name) text_pattern_ops);
CREATE INDEX household_member_email_beginning ON household_member (lower(email) text_pattern_ops) WHERE email IS NOT NULL;

-- By any part, where pg_trgm can be had: in a database of somebody else's it may be missing, or not ours to make. Asked again at each
-- start. Whether it can is the answer.
CREATE FUNCTION make_part_indexes() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX IF NOT EXISTS device_name_part ON device_name USING gin (name_key gin_trgm_ops);
    CREATE INDEX IF NOT EXISTS household_name_part ON household USING gin (lower(name) gin_trgm_ops);
    CREATE INDEX IF NOT EXISTS household_member_part ON household_member
      USING gin (lower(name) gin_trgm_ops, lower(email) gin_trgm_ops);
    CREATE INDEX IF NOT EXISTS service_case_part ON service_case
      USING gin (lower(title) gin_trgm_ops, lower(cause) gin_trgm_ops);
  EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RETURN false;
  END;
  RETURN true;
END $$;
SELECT make_part_indexes();
