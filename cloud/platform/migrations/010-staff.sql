-- Staff keys: only the hash of a key is kept, so a copy of the database opens nothing.
CREATE TABLE staff_key (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'support', 'content', 'release', 'admin')),
  key_sha256 bytea NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  revoked_at_ms bigint
);

-- Append-only, and chained: each row's hash covers the hash before it, so that a changed or missing row shows.
CREATE TABLE audit_entry (
  sequence bigint PRIMARY KEY,
  at_ms bigint NOT NULL,
  principal text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  before_json text,
  after_json text,
  hash bytea NOT NULL
);
CREATE INDEX audit_entry_subject ON audit_entry (subject, sequence DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
