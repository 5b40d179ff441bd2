import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { AckCounter, connectFrame, publishFrame } from "../support/mqtt-bytes.ts";

export interface BenchDevice {
  id: string;
  token: string;
}

export interface BenchItem {
  topic: string;
  publish(): Promise<void>;
}

/** A server under load, in a process of its own. */
export interface Peer {
  readonly pid: number;
  readonly port: number;
  readonly tlsPort: number;
  readonly devices: readonly BenchDevice[];
  /** Lets go of memory that is not in use, where there is a way to ask for it. */
  collectGarbage(): void;
  /** A content item for every device of the bench's model, which goes out once it is published. */
  newItem(): Promise<BenchItem>;
  stop(): Promise<void>;
}

export const benchModel = "bench-oven";
/** The two filters of each device: what is sent to it alone, and the items of one feed. `{id}` is the device's. */
export const benchFilters = ["hearth/v1/devices/{id}/inbox", `hearth/v1/content/${benchModel}/en/recipes/+`] as const;

const madeUp = (id: string): BenchDevice => ({ id, token: randomBytes(32).toString("base64url") });

/** Devices with secrets as long as those that Hearth gives out, and one more that publishes to them. */
export const madeUpDevices = (count: number): { devices: BenchDevice[]; publisher: BenchDevice } => ({
  devices: Array.from({ length: count }, (_, at) => madeUp(`bench-${at}`)),
  publisher: madeUp("publisher"),
});

/** A recipe, as its author writes it. */
export const recipe = {
  title: "Roast chicken with root vegetables",
  summary: "One tin, one hour and a half, and the oven does the rest.",
  ingredients: ["1 chicken, about 1.5 kg", "4 carrots", "2 parsnips", "1 lemon", "thyme", "olive oil", "salt"],
  steps: [
    { text: "Rub the chicken with oil, salt and thyme, and put the lemon inside." },
    { text: "Lay the vegetables around it.", machine: { program: "HotAir", setpoint_c: 180, duration_s: 4_500 } },
  ],
};

let itemsMade = 0;

/** What a broker without a cloud behind it is given to forward: the same item, under a topic of the same length. */
export function newBareItem(port: number, publisher: BenchDevice): BenchItem {
  itemsMade += 1;
  const id = String(itemsMade).padStart(36, "0");
  const topic = `hearth/v1/content/${benchModel}/en/recipes/${id}`;
  const payload = JSON.stringify({ kind: "recipe", id, version: 1, locale: "en", ...recipe });
  return { topic, publish: () => publishOnce(port, publisher, topic, payload) };
}

/** Publishes once with QoS 1, and resolves when that is acknowledged. */
export async function publishOnce(port: number, login: BenchDevice, topic: string, payload: string): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const acks = new AckCounter();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the publisher was cut off")));
  socket.on("data", (piece: Buffer) => {
    if (acks.feed(piece) === 1) resolve();
  });
  socket.write(connectFrame(login.id, login.id, login.token));
  socket.write(publishFrame(topic, 1, payload));
  await promise;
  socket.removeAllListeners("close").destroy();
}
