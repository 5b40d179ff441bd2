-- A model's next version says otherwise of its appliances: profiles of their households are gone through in pieces.
CREATE TABLE profile_refresh (
  model text PRIMARY KEY,
  -- Every profile up to this household was looked at.
  looked_to uuid NOT NULL
);
