import { type RawBuilder, sql } from "kysely";

/** Every appliance with its serial number and whose it is: a table expression with `key`, `id`, `model`, `serial`, `household_id`, `household_since_ms`. */
export const deviceSerials: RawBuilder<unknown> = sql`(SELECT key, id, model, serial, household_id, household_since_ms FROM device)`;
