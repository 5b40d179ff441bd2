-- For a mail provider's hook, which reports bounces and complaints, and may do nothing else.
ALTER TABLE staff_key
  DROP CONSTRAINT staff_key_role_check,
  ADD CONSTRAINT staff_key_role_check
    CHECK (role IN ('viewer', 'support', 'content', 'release', 'admin', 'monitor', 'facts', 'mail'));
