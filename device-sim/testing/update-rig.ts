/** A maker, a director, a server that serves what they sign, and appliances that are offered it. */
import { randomUUIDv7 } from "node:crypto";
import type { Delivery } from "#protocol/delivery.ts";
import type { FirmwareOffer } from "#protocol/update.ts";
import { type DeviceStore, MemoryDeviceStore } from "../agent/device-store.ts";
import type { FactoryTrust } from "../agent/factory-trust.ts";
import { Inbox } from "../agent/inbox.ts";
import { UpdateAgent, type UpdateLimits } from "../agent/update-agent.ts";
import type { Clock } from "../platform/clock.ts";
import { systemTimers } from "../platform/timers.ts";
import { Director } from "./director.ts";
import { type ImageServer, serveImage } from "./image-server.ts";
import { type Made, Maker } from "./maker.ts";
import { bytesOf, fakeControls, ManualClock, memoryOn, modelOf, recordingVoice } from "./parts.ts";
import { sends, startUpdateServer, type UpdateServer } from "./update-server.ts";

export type FirmwareDelivery = Extract<Delivery, { kind: "firmware" }>;

export const limits: Partial<UpdateLimits> = {
  retryMsMin: 1,
  retryMsMax: 5,
  emptyTriesMax: 3,
  transfer: { silenceMs: 10_000, rateAfterMs: 10_000, bytesPerSMin: 1_024 },
};

export interface Rig<C extends Clock = ManualClock> {
  clock: C;
  maker: Maker;
  director: Director;
  server: UpdateServer;
  images: ImageServer;
  /** What appliances are made with today. */
  factory: FactoryTrust;
  /** Offers a release: serves it, and lets the director say so. */
  offer(made: Made, more?: Partial<FirmwareOffer>, deviceId?: string): FirmwareDelivery;
  close(): Promise<void>;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

export const models = ["oven-x200", "dishwasher-d4"] as const;

export function newRig(): Promise<Rig>;
export function newRig<C extends Clock>(clock: C): Promise<Rig<C>>;
export async function newRig(clock: Clock = new ManualClock()): Promise<Rig<Clock>> {
  const nowMs = (): number => clock.nowMs();
  const maker = new Maker(models, nowMs);
  const director = new Director(nowMs);
  const server = await startUpdateServer();
  const images = await serveImage(Buffer.alloc(0));
  server.honest.set("/files/repository/", (request, response) =>
    sends(() => maker.files.get(nameOf(request.url ?? "")))(request, response),
  );
  return {
    clock,
    maker,
    director,
    server,
    images,
    factory: { root: maker.root, directorKeys: director.keys },
    offer(made, more = {}, deviceId = "oven-1") {
      const id = randomUUIDv7();
      images.image = made.image;
      server.honest.set(`/files/statements/${id}`, async (request, response) => {
        const text = await director.sign(director.claims(made, { deviceId, deliveryId: id }));
        await sends(() => text)(request, response);
      });
      return {
        id,
        kind: "firmware",
        attempt: 1,
        createdAtMs: nowMs(),
        expiresAtMs: nowMs() + 86_400_000,
        priority: 5,
        generation: 1,
        body: {
          version: made.custom.version,
          security: false,
          notes: "",
          consent: "automatic",
          notBeforeMs: null,
          postponeUntilMsMax: null,
          windows: [],
          metadataHref: `${server.url}/files/repository/`,
          statementHref: `${server.url}/files/statements/${id}`,
          imageHref: images.href,
          ...more,
        },
      };
    },
    async close() {
      await server.close();
      await images.close();
    },
  };
}

export interface OvenOptions {
  store?: DeviceStore;
  deviceId?: string;
  hardwareId?: string;
  clock?: ManualClock;
  factory?: FactoryTrust | null;
  limits?: Partial<UpdateLimits>;
}

/** An appliance that was just switched on, with what its flash holds. */
export function powerOn(rig: Pick<Rig, "clock" | "factory">, options: OvenOptions = {}) {
  const { store = new MemoryDeviceStore(), clock = rig.clock } = options;
  const { factory = rig.factory } = options;
  const memory = memoryOn(store);
  const controls = fakeControls();
  const voice = recordingVoice();
  const said: string[] = [];
  const agent = new UpdateAgent({
    deviceId: options.deviceId ?? "oven-1",
    model: "oven-x200",
    hardwareId: options.hardwareId ?? "x200-r1",
    factory,
    store,
    memory,
    controls,
    clock,
    deadlines: clock,
    timers: systemTimers,
    fetch,
    random: () => 0.5,
    allowRemote: false,
    agreesAfterMs: 60_000,
    say: (deliveryId, step, more, alongside) => {
      said.push(more.reason === undefined ? step : `${step} ${more.reason}`);
      inbox.say(deliveryId, step, more, alongside);
    },
    event: (type) => {
      said.push(`event ${type}`);
    },
    onDown: () => {
      said.push("down");
    },
    onUp: () => {
      said.push("up");
    },
    limits: { ...limits, ...options.limits },
  });
  const model = modelOf("oven-x200");
  const inbox = new Inbox({ model, memory, controls, voice, clock, deadlines: clock, firmware: agent });
  const receive = (item: FirmwareDelivery): void => {
    inbox.receive(bytesOf(item));
  };
  return { agent, inbox, receive, store, memory, controls, said, voice, clock };
}
export type Oven = ReturnType<typeof powerOn>;

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Ticks until it holds. The clock stands still unless the appliance reboots. */
export async function tickUntil(oven: Oven, what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    oven.agent.tick();
    if (holds()) return;
    if (oven.memory.record.update.kind === "rebooting") oven.clock.pass(30_000);
    if (performance.now() > end) throw new Error(`never happened: ${what}; said ${oven.said.join(", ")}`);
    await turn();
  }
}

/** Ticks until the update is over. @returns the last thing that was said of it */
export async function untilOver(oven: Oven): Promise<string> {
  await tickUntil(oven, "the update ends", () => oven.memory.record.update.kind === "none");
  return oven.said.findLast((line) => !line.startsWith("event ")) ?? "";
}

/** Offers it and waits for what becomes of it. */
export async function updateOf(oven: Oven, item: FirmwareDelivery): Promise<string> {
  oven.receive(item);
  // An offer that is turned down at once was answered by the inbox alone.
  if (oven.memory.record.update.kind === "none") return oven.voice.said.at(-1)?.replace("receipt ", "") ?? "";
  return untilOver(oven);
}
