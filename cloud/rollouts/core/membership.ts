import { createHash } from "node:crypto";

/**
 * Where an appliance stands in the order of a rollout: the first 32 bits of md5(rolloutId ':' deviceId), 0 to 2^32 - 1. It is the same
 * after a pause, a restart and a new plan, and the same as PostgreSQL makes it. Another rollout has another order, so that it is not
 * always the same households that go first.
 */
export const bucketOf = (rolloutId: string, deviceId: string): number =>
  createHash("md5").update(`${rolloutId}:${deviceId}`, "utf8").digest().readUInt32BE(0);
