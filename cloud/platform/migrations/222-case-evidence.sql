ALTER TABLE device ADD COLUMN warranty_until_ms bigint;

ALTER TABLE service_case
  -- What the appliance ran when the case was opened.
  ADD COLUMN firmware_version text,
  -- When the evidence is to be taken, or taken again; null where that is done. Cases from before it was taken have none.
  ADD COLUMN evidence_due_at_ms bigint,
  -- Whether the solution came in time, the first time.
  ADD COLUMN resolve_kept boolean;
ALTER TABLE service_case ALTER COLUMN evidence_due_at_ms SET DEFAULT 0;
CREATE INDEX service_case_evidence_due ON service_case (evidence_due_at_ms) WHERE evidence_due_at_ms IS NOT NULL;

-- What the appliance did around the opening of a case: a bounded copy, since readings are not kept for as long as cases.
CREATE TABLE case_evidence (
  case_id uuid PRIMARY KEY REFERENCES service_case (id) ON DELETE CASCADE,
  taken_at_ms bigint NOT NULL,
  snapshot jsonb NOT NULL
);
