-- Of the appliances that a back-test means, those whose household did not agree that what they say improves the product.
ALTER TABLE backtest ADD COLUMN left_out int NOT NULL DEFAULT 0;
