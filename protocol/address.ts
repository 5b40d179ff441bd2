/** An IPv4 address that came over an IPv6 socket, as IPv4. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, "");

const networkGroups = 4;
const groups = 8;

/**
 * Whom an address stands for where somebody may have many: IPv4 itself, of IPv6 its /64, which one line gets whole and may choose
 * its addresses from.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("%", 1)[0]?.split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const whole = [
    ...front,
    ...Array.from({ length: Math.max(0, groups - front.length - back.length) }, () => "0"),
    ...back,
  ];
  return `${whole.slice(0, networkGroups).join(":")}::/64`;
}
