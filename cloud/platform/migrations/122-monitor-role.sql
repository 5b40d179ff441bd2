-- For programs that watch: numbers about the whole, and nothing about anybody.
ALTER TABLE staff_key
  DROP CONSTRAINT staff_key_role_check,
  ADD CONSTRAINT staff_key_role_check CHECK (role IN ('viewer', 'support', 'content', 'release', 'admin', 'monitor'));
