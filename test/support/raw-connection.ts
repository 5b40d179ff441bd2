import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connectFrame, publishFrame } from "./mqtt-bytes.ts";
import { until } from "./service-process.ts";

/** A socket that says the bytes a test wants and keeps the bytes that came back. */
export class RawConnection {
  closed = false;
  received: Buffer = Buffer.alloc(0);
  readonly #socket: Socket;
  readonly #deviceId: string;

  private constructor(socket: Socket, deviceId: string) {
    this.#socket = socket;
    this.#deviceId = deviceId;
    socket.on("data", (piece: Buffer) => {
      this.received = Buffer.concat([this.received, piece]);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Connects and sends CONNECT; whatever the answer is lies in `received`. */
  static async open(port: number, deviceId: string, token: string): Promise<RawConnection> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const connection = new RawConnection(socket, deviceId);
    socket.write(connectFrame(deviceId, deviceId, token));
    await until("CONNACK", () => connection.received.length >= 4 || connection.closed);
    return connection;
  }

  publish(channel: string, packetId: number, payload: string | Buffer): void {
    this.#socket.write(publishFrame(`hearth/v1/devices/${this.#deviceId}/${channel}`, packetId, payload));
  }

  /** Packet ids that were acknowledged, in their order. */
  get acked(): number[] {
    const ids: number[] = [];
    for (let at = 0; at + 4 <= this.received.length; at += 2 + (this.received[at + 1] ?? 0)) {
      if (this.received[at] === 0x40) ids.push(this.received.readUInt16BE(at + 2));
    }
    return ids;
  }

  close(): void {
    this.#socket.destroy();
  }
}
