-- What the limits of models took back from appliances, of each recipe in the order in which it is sent again.
CREATE INDEX delivery_taken_back ON delivery (subject, id) WHERE phase = 'cancelled' AND cause = 'limit';

-- Recipes of which something that was taken back may go out again: those above `after_id` are still to be looked at.
CREATE TABLE content_again (
  item_id uuid PRIMARY KEY REFERENCES content_item (id),
  after_id uuid
);
