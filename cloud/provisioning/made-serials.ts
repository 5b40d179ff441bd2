import { type RawBuilder, sql } from "kysely";

/** Every appliance that was made, registered or not: a table expression with `serial` and `model`. */
export const madeSerials: RawBuilder<unknown> = sql`(
  SELECT s.serial, b.model FROM manufactured_serial s JOIN production_batch b ON b.key = s.batch)`;
