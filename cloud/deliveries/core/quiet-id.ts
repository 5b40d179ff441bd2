import { createHmac } from "node:crypto";

/** What a UUID fixes of its ninth byte. */
const variantMask = 0x3f;
const variantBits = 0x80;
const plainBytes = 8;

const hexOf = (uuid: string): string => uuid.replaceAll("-", "").toLowerCase();

function signed(secret: Uint8Array, deviceId: string, plain: string): string {
  const mac = createHmac("sha256", secret).update(`quiet command\n${deviceId}\n${plain}`).digest();
  const end = mac.subarray(0, plainBytes);
  end[0] = ((end[0] ?? 0) & variantMask) | variantBits;
  return plain + end.toString("hex");
}

/**
 * An id for an order of which nothing is stored: a UUIDv7 whose last 62 bits prove that this installation gave it to this device. So
 * whoever takes in the answer knows whose it is, also another process, or this one after a restart.
 *
 * @param fresh a UUIDv7, of which the time and its random neighbours are kept
 */
export function quietId(secret: Uint8Array, deviceId: string, fresh: string): string {
  const hex = signed(secret, deviceId, hexOf(fresh).slice(0, plainBytes * 2));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Whether an id was made by `quietId` for this device. */
export const isQuietId = (secret: Uint8Array, deviceId: string, id: string): boolean =>
  signed(secret, deviceId, hexOf(id).slice(0, plainBytes * 2)) === hexOf(id);
