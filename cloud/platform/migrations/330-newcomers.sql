-- Appliances that are new, somebody else's or let in again, until they were told of the safety notices that are out.
CREATE TABLE content_newcomer (device_key int PRIMARY KEY);

-- Since when an appliance of a recall belongs to whom it belongs: who has it next is told by themselves.
ALTER TABLE campaign_appliance ADD COLUMN household_since_ms bigint;
UPDATE campaign_appliance a SET household_since_ms = d.household_since_ms FROM device d WHERE d.key = a.device_key;
-- Those that came to a household about which the recall had decided already.
CREATE INDEX campaign_appliance_late ON campaign_appliance (campaign_id, device_key)
  WHERE household_id IS NOT NULL AND delivery_id IS NULL;
