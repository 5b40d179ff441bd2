-- What became of what a firing left to be done: points that were earned or not, content that was sent or not, and why.
ALTER TABLE rule_firing ADD COLUMN done jsonb NOT NULL DEFAULT '[]';
-- How often the cause came, over all appliances of a back-test.
ALTER TABLE backtest ADD COLUMN raises bigint NOT NULL DEFAULT 0;
UPDATE backtest b SET raises = coalesce((SELECT sum(raises) FROM backtest_device d WHERE d.backtest_id = b.id), 0);
