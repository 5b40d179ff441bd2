/**
 * What an attacker may send over one connection: MQTT packets right and wrong, in any order, with bytes changed and cut anywhere.
 * A case is made from its seed and number alone, so that any case can be tried again by itself.
 */
import fc from "fast-check";

/** Fewer than attack at once, so that they also take each other's place. */
export const attackerIds = [...Array.from({ length: 23 }, (_, at) => `attacker-${at}`), "__proto__"];
export const healthyId = "healthy";

export interface Attack {
  /** Written first. */
  opening: Buffer;
  /** Whether it waits for an answer to its opening; what comes too early is little tried behind the login. */
  waits: boolean;
  /** Written one after another, each as a segment of its own. */
  pieces: Buffer[];
  /** How it leaves: politely, after a while, at once, or without ever having read. */
  ending: "end" | "stay" | "destroy" | "deaf";
}

const field = (bytes: Uint8Array | string): Buffer => {
  const content = Buffer.from(bytes);
  return Buffer.concat([Buffer.from([content.length >> 8, content.length & 0xff]), content]);
};

function frame(first: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const head = [first];
  let rest = body.length;
  do {
    head.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(head), body]);
}

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

/** CONNECT with the flags that its parts ask for. */
const connect = (id: string, user: string, token: string, flags: number, keepaliveS: number): Buffer =>
  frame(0x10, field("MQTT"), Buffer.from([4, flags]), u16(keepaliveS), field(id), field(user), field(token));

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const oddTexts = [
  "",
  "#",
  "+",
  "/",
  "$SYS/x/new/clients",
  "$SYS/#",
  "$share/g/a",
  "a/".repeat(101),
  "\0",
  "%s",
  "../a",
];

/** Topics and filters: its own, those of others, odd ones, and bytes that are no text. */
const topic = (id: string) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("telemetry", "events", "reported").map((name) => own(id, name)) },
    { weight: 3, arbitrary: fc.constantFrom("inbox", "desired", "#", "+", "", "x/y").map((name) => own(id, name)) },
    { weight: 2, arbitrary: fc.constantFrom("inbox", "telemetry", "events").map((name) => own(healthyId, name)) },
    { weight: 2, arbitrary: fc.constantFrom("de/recipes", "#", "+/+", "a/b/c/d").map(content) },
    { weight: 2, arbitrary: fc.constantFrom(...oddTexts).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: bytes(24).map((odd) => Buffer.from(odd)) },
  );

const own = (id: string, name: string): Buffer => Buffer.from(`hearth/v1/devices/${id}/${name}`);
const content = (rest: string): Buffer => Buffer.from(`hearth/v1/content/oven-x200/${rest}`);

/** Mostly small, as clients have them, and the odd ones. */
const messageId = fc.oneof(fc.nat(5), fc.constantFrom(0, 65_535));

const anyConnect = (id: string): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom(id, healthyId, "nobody", ""), fc.boolean(), fc.nat(255), topic(id), bytes(12))
    .map(([name, isRight, flags, will, odd]) =>
      isRight
        ? connect(name, name, "wrong", 0xc2, 60)
        : frame(0x10, field("MQTT"), Buffer.from([4, flags]), u16(60), field(name), field(will), field(odd)),
    );

/** What a device may send: without it few connections would live on to what comes behind. */
const rightPacket = (id: string): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom("telemetry", "events", "receipts"), fc.integer({ min: 1, max: 65_535 }), bytes(200))
      .map(([name, packetId, payload]) => frame(0x32, field(own(id, name)), u16(packetId), payload)),
    fc
      .tuple(fc.constantFrom(own(id, "inbox"), own(id, "#"), content("de/recipes"), content("#")), fc.nat(2))
      .map(([filter, qos]) => frame(0x82, u16(7), field(filter), Buffer.from([qos]))),
    fc.constantFrom(own(id, "inbox"), content("#")).map((filter) => frame(0xa2, u16(8), field(filter))),
    fc.integer({ min: 1, max: 9 }).map((packetId) => frame(0x40, u16(packetId))),
    fc.constant(frame(0xc0)),
  );

const anyPublish = (id: string): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.nat(15), topic(id), messageId, fc.oneof({ weight: 9, arbitrary: bytes(40) }, fc.constant(large)))
    .map(([flags, name, packetId, payload]) =>
      frame(0x30 | flags, field(name), flags & 6 ? u16(packetId) : Buffer.alloc(0), payload),
    );
const large = new Uint8Array(9_000);

const anySubscribe = (id: string): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom(0x82, 0xa2), messageId, fc.array(fc.tuple(topic(id), fc.nat(2)), { maxLength: 6 }))
    .map(([first, packetId, filters]) =>
      frame(
        first,
        u16(packetId || 1),
        ...filters.map(([name, qos]) =>
          first === 0xa2 ? field(name) : Buffer.concat([field(name), Buffer.from([qos])]),
        ),
      ),
    );

/** PUBACK, PUBREC, PUBREL, PUBCOMP, pings, DISCONNECT, and what only a server sends. */
const anyShort: fc.Arbitrary<Buffer> = fc
  .tuple(fc.constantFrom(0x40, 0x40, 0x40, 0xc0, 0xc0, 0xc0, 0xc0, 0xe0, 0x50, 0x62, 0x70, 0x20, 0xd0, 0xf0), messageId)
  .map(([first, packetId]) => (first === 0xc0 || first === 0xe0 ? frame(first) : frame(first, u16(packetId))));

const garbage: fc.Arbitrary<Buffer> = fc.oneof(
  bytes(80).map((odd) => Buffer.from(odd)),
  fc.constantFrom([0x30, 0xff, 0xff, 0xff, 0x7f], [0x30, 0x80, 0x80, 0x80, 0x80, 1]).map((odd) => Buffer.from(odd)),
  fc.constant(Buffer.from("GET / HTTP/1.1\r\n\r\n")),
);

const anyPacket = (id: string): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 8, arbitrary: rightPacket(id) },
    { weight: 4, arbitrary: anyPublish(id) },
    { weight: 4, arbitrary: anySubscribe(id) },
    { weight: 3, arbitrary: anyShort },
    { weight: 1, arbitrary: anyConnect(id) },
    { weight: 1, arbitrary: garbage },
  );

/** One change of bytes, at a share of the length. */
const mutation = fc.record({
  kind: fc.constantFrom("flip", "set", "insert", "remove", "repeat", "cut"),
  share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  with: fc.uint8Array({ minLength: 1, maxLength: 6 }),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(packet: Buffer, { kind, share, with: odd }: Mutation): Buffer {
  const at = Math.floor(share * packet.length);
  const before = packet.subarray(0, at);
  const after = packet.subarray(at);
  const value = odd[0] ?? 0;
  switch (kind) {
    case "flip":
      return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ (1 << (value % 8))]), after.subarray(1)]);
    case "set":
      return Buffer.concat([before, Buffer.from([value]), after.subarray(1)]);
    case "insert":
      return Buffer.concat([before, odd, after]);
    case "remove":
      return Buffer.concat([before, after.subarray(odd.length)]);
    case "repeat":
      return Buffer.concat([before, after, after]);
    case "cut":
      return before;
  }
}

const mutated = (packet: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 2, arbitrary: packet },
    { weight: 1, arbitrary: fc.tuple(packet, fc.array(mutation, { minLength: 1, maxLength: 3 })).map(applyAll) },
  );
const applyAll = ([packet, changes]: [Buffer, Mutation[]]): Buffer => changes.reduce(mutate, packet);

/** Three in four log in as they should, with a session that is kept or not; without that little behind the login would be tried. */
const opening = (id: string): fc.Arbitrary<Buffer> => {
  const right = fc
    .tuple(fc.boolean(), fc.constantFrom(0, 1, 60, 65_535))
    .map(([clean, keepaliveS]) => connect(id, id, `token of ${id}`, clean ? 0xc2 : 0xc0, keepaliveS));
  return fc.oneof(
    { weight: 12, arbitrary: right },
    { weight: 2, arbitrary: mutated(anyConnect(id)) },
    { weight: 1, arbitrary: mutated(right) },
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
  );
};

function cutUp(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts, whole.length]) {
    if (at < whole.length) pieces.push(whole.subarray(at, at + cut));
    at += cut;
  }
  return pieces;
}

const anyAttack: fc.Arbitrary<Attack> = fc.constantFrom(...attackerIds).chain((id) =>
  fc
    .record({
      opening: opening(id),
      waits: fc.constantFrom(true, true, true, false),
      asItShould: fc.array(rightPacket(id), { maxLength: 12, size: "max" }),
      packets: fc.array(mutated(anyPacket(id)), { maxLength: 8, size: "max" }),
      cuts: fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 6 }),
      ending: fc.constantFrom<Attack["ending"][]>("end", "end", "stay", "destroy", "deaf"),
    })
    .map(({ asItShould, packets, cuts, ...rest }) => ({
      ...rest,
      pieces: cutUp(Buffer.concat([...asItShould, ...packets]), cuts),
    })),
);

/** @param number of the case, from 0 */
export function attackOf(seed: number, number: number): Attack {
  // Multiplied so that neighbouring cases and neighbouring seeds share nothing.
  const [attack] = fc.sample(anyAttack, { seed: Math.imul(seed, 0x9e3779b1) + number, numRuns: 1 });
  if (attack === undefined) throw new Error("no sample");
  return attack;
}
