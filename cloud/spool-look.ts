import { access } from "node:fs/promises";
import { join } from "node:path";
import { open } from "lmdb";
import { yieldToEvents } from "./platform/clock.ts";

/** A spool that is far behind is not looked through whole: what was said before then is gone when the gateway has read so far. */
const bytesMax = 536_870_912;
/** Before a record's device come when it was received (f64) and how long its id is (u8): see protocol/link/up-chunk.ts. */
const [receivedBefore, lengthBefore] = [9, 1];

export interface SpokenSpan {
  deviceId: string;
  /** By the gateway's clock; exclusive. */
  untilMs: number;
}

/**
 * Looks into the gateway's spool for what appliances said before a time; also among chunks that were found damaged, which wait there for a
 * person, whenever they are from: an erasure deletes those.
 *
 * @param spoolDir with a folder for each store
 * @returns how many records there are, null where it is too large to be looked through
 */
export async function inSpool(spoolDir: string, spans: readonly SpokenSpan[]): Promise<number | null> {
  const path = join(spoolDir, "spool");
  if (!(await isThere(path))) return 0;
  const root = open<unknown, string>({ path, readOnly: true });
  try {
    let [found, looked] = [0, 0];
    for (const [name, isDamaged] of [
      ["chunks", false],
      ["damaged", true],
    ] as const) {
      const store = root.openDB<Uint8Array, number>({ name, encoding: "binary" });
      for (const { value } of store.getRange()) {
        looked += value.length;
        if (looked > bytesMax) return null;
        for (const span of spans) found += recordsIn(value, span, isDamaged);
        await yieldToEvents();
      }
    }
    return found;
  } finally {
    await root.close();
  }
}

/**
 * Deletes the chunks that were found damaged: whose words they hold cannot be told for certain, since the name may be what is damaged.
 *
 * @param spoolDir with a folder for each store
 * @returns how many there were
 */
export async function forgetDamaged(spoolDir: string): Promise<number> {
  const path = join(spoolDir, "spool");
  if (!(await isThere(path))) return 0;
  // The gateway writes there too: one of two writers waits for the other, and what resolves is on the disk.
  const root = open<unknown, string>({ path, overlappingSync: false });
  try {
    const damaged = root.openDB<Uint8Array, number>({ name: "damaged", encoding: "binary" });
    const gone = await Promise.all([...damaged.getKeys()].map((key) => damaged.remove(key)));
    return gone.filter(Boolean).length;
  } finally {
    await root.close();
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(join(path, "data.mdb")).then(
    () => true,
    () => false,
  );

function recordsIn(value: Uint8Array, { deviceId, untilMs }: SpokenSpan, isDamaged: boolean): number {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  let found = 0;
  for (let at = bytes.indexOf(deviceId); at !== -1; at = bytes.indexOf(deviceId, at + 1)) {
    const isRecord = at >= receivedBefore && bytes[at - lengthBefore] === deviceId.length;
    if (isDamaged || (isRecord && bytes.readDoubleBE(at - receivedBefore) < untilMs)) found += 1;
  }
  return found;
}
