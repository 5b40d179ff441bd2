-- Which rule had a delivery sent: what became of a firing names the delivery that came of it.
CREATE INDEX rule_firing_sent ON rule_firing USING gin (done jsonb_path_ops) WHERE done <> '[]';
