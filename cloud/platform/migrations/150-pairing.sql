-- Since when a device is where it is; what happened before that is nobody's who has it now. Null: since it was made.
ALTER TABLE device
  ADD COLUMN household_since_ms bigint,
  -- How many households have had it and left. The device is told, and forgets the people it knew.
  ADD COLUMN tenure int NOT NULL DEFAULT 0;

-- Who may do what in a household. A member without a key was entered by staff. Of a key only its hash is kept.
ALTER TABLE household_member
  ADD COLUMN role text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'member')),
  ADD COLUMN key_sha256 bytea UNIQUE;
CREATE UNIQUE INDEX household_member_owner ON household_member (household_id) WHERE role = 'owner';

-- The code that an appliance shows at the moment. Keyed with a secret that is not in the database: forty bits alone are soon found
-- by somebody who has their plain hash.
CREATE TABLE pairing_code (
  device_key int PRIMARY KEY REFERENCES device (key),
  code_hmac bytea NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX pairing_code_hmac ON pairing_code (code_hmac);

-- Links by which people are asked to join. 256 random bits, of which only the hash is kept; a link that was used is no longer here.
CREATE TABLE household_invitation (
  id uuid PRIMARY KEY,
  household_id uuid NOT NULL REFERENCES household (id),
  code_sha256 bytea NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX household_invitation_of ON household_invitation (household_id, id);

-- Whose case it was when the device left them with it: what is written there about people goes when they are erased.
ALTER TABLE service_case ADD COLUMN former_household_id uuid;
CREATE INDEX service_case_household ON service_case (household_id) WHERE household_id IS NOT NULL;
CREATE INDEX service_case_former_household ON service_case (former_household_id) WHERE former_household_id IS NOT NULL;
