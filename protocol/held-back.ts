/** What a device says too much of, by the limit's name as presence records have it. */
const units: Record<string, { unit: string; isBytes: boolean }> = {
  messages_per_second_max: { unit: "messages a second", isBytes: false },
  bytes_per_second_max: { unit: "a second", isBytes: true },
};

const mebi = 1_048_576;
const kibi = 1_024;

function bytesText(bytes: number): string {
  if (bytes % mebi === 0) return `${bytes / mebi} MiB`;
  return bytes % kibi === 0 ? `${bytes / kibi} KiB` : `${bytes.toLocaleString("en")} bytes`;
}

/**
 * Why a device is held back, to go on from 'it'.
 *
 * @param reason the limit's name, which a newer gateway may have made
 */
export function heldBackText(reason: string | null, limit: number | null): string {
  const known = units[reason ?? ""];
  if (known === undefined || limit === null) return "sends more than it may";
  return `sends more than ${known.isBytes ? bytesText(limit) : limit.toLocaleString("en")} ${known.unit}`;
}
