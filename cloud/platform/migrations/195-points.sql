-- How far the second reader of a spool has come, which stores the readings where another store than this database keeps them.
CREATE TABLE points_watermark (
  gateway_id text NOT NULL,
  spool_epoch uuid NOT NULL,
  sequence bigint NOT NULL,
  moved_at_ms bigint NOT NULL,
  PRIMARY KEY (gateway_id, spool_epoch),
  FOREIGN KEY (gateway_id, spool_epoch) REFERENCES watermark
);
