/** The client's end of a WebSocket that says exactly the bytes that a test wants. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { until } from "./until.ts";

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  opcode: number;
  payload: Buffer;
}

export interface FrameOptions {
  isFinal?: boolean;
  isMasked?: boolean;
  /** The three reserved bits. */
  reserved?: number;
  /** What the header says, whatever follows. */
  length?: bigint;
}

/** A frame as RFC 6455, 5.2 draws it. */
export function frame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { isFinal = true, isMasked = true, reserved = 0 } = options;
  const bytes = Buffer.from(payload);
  const length = options.length ?? BigInt(bytes.length);
  const header = [(isFinal ? 0x80 : 0) | (reserved << 4) | opcode];
  const mask = isMasked ? 0x80 : 0;
  if (length < 126n) header.push(mask | Number(length));
  else if (length < 65_536n) header.push(mask | 126, ...bytesOf(length, 2));
  else header.push(mask | 127, ...bytesOf(length, 8));
  if (!isMasked) return Buffer.concat([Buffer.from(header), bytes]);
  const key = randomBytes(4);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (key[at % 4] ?? 0);
  return Buffer.concat([Buffer.from(header), key, bytes]);
}

const bytesOf = (value: bigint, count: number): number[] =>
  Array.from({ length: count }, (_, at) => Number((value >> BigInt(8 * (count - 1 - at))) & 0xffn));

/** An upgrade that is answered with 101, with some of its headers changed or, with null, left out. */
export function upgradeRequest(path = "/mqtt", changed: Record<string, string | null> = {}): string {
  const headers = {
    Host: "localhost",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Protocol": "mqtt",
    ...changed,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== null);
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

export class RawWebSocket {
  readonly socket: Socket;
  closed = false;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  static async connect(port: number): Promise<RawWebSocket> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new RawWebSocket(socket);
  }

  /** Connects and upgrades. */
  static async open(port: number): Promise<RawWebSocket> {
    const one = await RawWebSocket.connect(port);
    one.socket.write(upgradeRequest());
    await until(() => one.text.includes("\r\n\r\n"), "an answer to the upgrade");
    return one;
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Everything that came, as text: what matters of it is HTTP. */
  get text(): string {
    return this.#received.toString("latin1");
  }

  /** The frames that came whole after the answer to the upgrade. */
  get frames(): Frame[] {
    const found: Frame[] = [];
    let at = this.#received.indexOf("\r\n\r\n") + 4;
    while (at + 2 <= this.#received.length) {
      const short = (this.#received[at + 1] ?? 0) & 0x7f;
      const start = at + (short === 126 ? 4 : 2);
      const end = start + (short === 126 ? this.#received.readUInt16BE(at + 2) : short);
      if (end > this.#received.length) break;
      found.push({ opcode: (this.#received[at] ?? 0) & 0x0f, payload: this.#received.subarray(start, end) });
      at = end;
    }
    return found;
  }

  async wait(opcode: number): Promise<Buffer> {
    const found = await until(() => this.frames.find((one) => one.opcode === opcode), `a frame of opcode ${opcode}`);
    return found.payload;
  }

  /** The code with which the other end closes; answered, so that the connection ends. */
  async closeCode(): Promise<number> {
    const payload = await this.wait(opcodes.close);
    this.send(frame(opcodes.close, payload));
    return payload.readUInt16BE(0);
  }

  async waitClosed(): Promise<void> {
    await until(() => this.closed, "the connection to close");
  }
}
