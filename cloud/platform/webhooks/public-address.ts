import { BlockList, isIP } from "node:net";

/** What is nobody's address in the internet, or not one host's: RFC 6890 and what came after it. */
const reserved = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  reserved.addSubnet(net, bits, "ipv4");

/** Of IPv6 all that is in use is in here, but for what leads back to IPv4 or is for documents. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");
const notGlobal6 = new BlockList();
for (const [net, bits] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  notGlobal6.addSubnet(net, bits, "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Which addresses may be called: those of the internet, and where it is configured this machine's own. */
export type Reach = "public" | "loopback";

/** Whether an IP address may be called. Anything that is none may not. */
export function mayCall(address: string, reach: Reach): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const kind = family === 4 ? "ipv4" : "ipv6";
  if (reach === "loopback" && loopback.check(address, kind)) return true;
  return kind === "ipv4"
    ? !reserved.check(address, kind)
    : global6.check(address, kind) && !notGlobal6.check(address, kind);
}
