-- A safety notice that is out already may be put on the feeds of further models: only these are still to be told. Null: all that it is for.
ALTER TABLE content_version ADD COLUMN notify_models text[];
