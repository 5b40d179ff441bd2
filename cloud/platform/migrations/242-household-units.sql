-- What a household measures in; null: as its locale does.
ALTER TABLE household ADD units text CHECK (units IN ('metric', 'imperial'));
