-- By whom images may be signed that appliances verify by themselves, as SWUpdate does.
CREATE TABLE firmware_image_certificate (
  -- SHA-256 of the certificate, as lower-case hex.
  fingerprint text PRIMARY KEY,
  pem text NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);
