import { Aedes } from "aedes";
import { createServer, type Socket } from "node:net";

export interface Said {
  topic: string;
  deviceId: string;
  channel: string;
  json: unknown;
  retain: boolean;
  qos: number;
}

export interface Broker {
  url: string;
  /** Every PUBLISH that was acknowledged, in order. */
  said: Said[];
  /** What one appliance said on a channel. */
  of(deviceId: string, channel: string): Record<string, unknown>[];
  /** Topics and filters by client, as they subscribed. */
  subscriptions: Map<string, string[]>;
  clients: () => number;
  /** Fails the next publishes: the connection closes without a PUBACK. */
  refusePublishes: number;
  publish(topic: string, payload: unknown, retain?: boolean): Promise<void>;
  /** Ends every connection without a word. */
  cutAll(): void;
  close(): Promise<void>;
}

const isObject = (json: unknown): json is Record<string, unknown> => typeof json === "object" && json !== null;

/** A broker on a port of its own that knows the tokens it was given. */
export async function startBroker(tokens: ReadonlyMap<string, string>): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  const said: Said[] = [];
  const subscriptions = new Map<string, string[]>();
  const broker: Broker = {
    url: "",
    said,
    subscriptions,
    refusePublishes: 0,
    of: (deviceId, channel) =>
      said.flatMap((one) =>
        one.deviceId === deviceId && one.channel === channel && isObject(one.json) ? [one.json] : [],
      ),
    clients: () => aedes.connectedClients,
    publish: (topic, payload, retain = false) =>
      new Promise((resolve, reject) => {
        const bytes = payload instanceof Uint8Array ? Buffer.from(payload) : Buffer.from(JSON.stringify(payload));
        aedes.publish({ cmd: "publish", topic, payload: bytes, qos: 1, retain, dup: false }, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        broker.cutAll();
        aedes.close(() => {
          server.close(() => {
            resolve();
          });
        });
      }),
  };
  aedes.authenticate = (client, username, password, done) => {
    const known = client.id === username && tokens.get(client.id) === password?.toString();
    if (known) done(null, true);
    else done(Object.assign(new Error("not authorised"), { returnCode: 5 }), false);
  };
  aedes.authorizePublish = (client, packet, done) => {
    if (broker.refusePublishes > 0) {
      broker.refusePublishes -= 1;
      done(new Error("not now"));
      return;
    }
    const [, , root, deviceId = "", channel = ""] = packet.topic.split("/");
    if (client?.id !== deviceId || root !== "devices") {
      done(new Error("not your topic"));
      return;
    }
    const json: unknown = JSON.parse(packet.payload.toString());
    said.push({ topic: packet.topic, deviceId, channel, json, retain: packet.retain, qos: packet.qos });
    done(null);
  };
  aedes.on("subscribe", (filters, client) => {
    subscriptions.set(
      client.id,
      filters.map(({ topic }) => topic),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  broker.url = `mqtt://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return broker;
}
