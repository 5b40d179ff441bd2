import { randomUUIDv7 } from "node:crypto";
import type { Delivery } from "#protocol/delivery.ts";
import type { Model } from "#protocol/model.ts";
import type { Controls, Memory, Voice } from "../agent/controls.ts";
import { type DeviceRecord, newDeviceRecord } from "../agent/device-record.ts";
import type { DeviceStore } from "../agent/device-store.ts";
import { loadModels } from "../models.ts";
import type { Clock } from "../platform/clock.ts";

export const startMs = Date.UTC(2026, 2, 1, 12);

export function modelOf(key: string): Model {
  const model = loadModels().get(key);
  if (model === undefined) throw new Error(`no model ${key}`);
  return model;
}

/** Time that moves when a test says so. */
export class ManualClock implements Clock {
  #nowMs: number;

  constructor(nowMs = startMs) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }
}

export function memoryOn(store: DeviceStore): Memory {
  let record: DeviceRecord = store.load() ?? newDeviceRecord({ locale: "de", timeZone: "Europe/Berlin" });
  return {
    get record() {
      return record;
    },
    update(part) {
      record = { ...record, ...part };
      store.save(record);
    },
  };
}

/** Keeps what was said, as lines of `what detail`. */
export function recordingVoice(): Voice & { said: string[]; receipts: unknown[]; replies: unknown[] } {
  const said: string[] = [];
  const receipts: unknown[] = [];
  const replies: unknown[] = [];
  return {
    said,
    receipts,
    replies,
    event: (type) => {
      said.push(`event ${type}`);
    },
    receipt: (receipt) => {
      receipts.push(receipt);
      said.push(`receipt ${receipt.step}${receipt.reason === undefined ? "" : ` ${receipt.reason}`}`);
    },
    reply: (reply) => {
      replies.push(reply);
      said.push(`reply ${reply.ok}${reply.reason === undefined ? "" : ` ${reply.reason}`}`);
    },
    reported: (state) => {
      said.push(`reported ${Object.keys(state).join(",")}`);
    },
  };
}

/** A machine of which only what a message can reach is there. */
export function fakeControls(): Controls & { calls: string[]; hot: boolean; running: boolean } {
  const calls: string[] = [];
  const controls = {
    calls,
    hot: false,
    running: false,
    stop: () => {
      calls.push("stop");
      return controls.running;
    },
    identify: (forMs: number) => {
      calls.push(`identify ${forMs}`);
    },
    selfTest: () => ({ passed: true }),
    log: () => ["line"],
    uploadLog: ({ href }: { href: string }) => {
      calls.push(`uploadLog ${href}`);
      return null;
    },
    sampleFaster: (everyMs: number, forMs: number) => {
      calls.push(`sampleFaster ${everyMs} ${forMs}`);
    },
    isHot: () => controls.hot,
    isRunning: () => controls.running,
  };
  return controls;
}

type KindOf<K extends Delivery["kind"]> = Extract<Delivery, { kind: K }>;

/** A delivery of this kind, good for a minute. */
export function deliveryOf<K extends Delivery["kind"]>(
  kind: K,
  body: KindOf<K>["body"] | Record<string, unknown>,
  more: Partial<Omit<Delivery, "kind" | "body">> = {},
) {
  return {
    id: randomUUIDv7(),
    kind,
    attempt: 1,
    createdAtMs: startMs,
    expiresAtMs: startMs + 60_000,
    priority: 5,
    generation: 1,
    body,
    ...more,
  };
}

export const bytesOf = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

/** Asks until it is true. */
export async function eventually(what: string, holds: () => boolean, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
