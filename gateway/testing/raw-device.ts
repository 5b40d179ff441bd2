/** A device that says exactly the bytes that a test wants, over a real socket. */
import { once } from "node:events";
import { type TcpNetConnectOpts, connect } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from "node:tls";
import { type Packet, generate, parser } from "mqtt-packet";
import { type ClientOptions, WebSocket, createWebSocketStream } from "ws";
import { until } from "./until.ts";

export interface ConnectOptions {
  clientId?: string;
  /** Null sends none, and no password. */
  username?: string | null;
  password?: string;
  clean?: boolean;
  keepalive?: number;
  will?: { topic: string; payload: string; qos?: 0 | 1 | 2; retain?: boolean };
}

export class RawDevice {
  readonly socket: Duplex;
  readonly received: Packet[] = [];
  closed = false;

  constructor(socket: Duplex) {
    this.socket = socket;
    const incoming = parser();
    incoming.on("packet", (packet: Packet) => this.received.push(packet));
    socket.on("data", (chunk: Buffer) => incoming.parse(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  static async open(port: number, options: Partial<TcpNetConnectOpts> = {}): Promise<RawDevice> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, ...options });
    await once(socket, "connect");
    return new RawDevice(socket);
  }

  /** Over TLS, once the handshake is done at this end. */
  static async openTls(port: number, options: ConnectionOptions): Promise<RawDevice & { socket: TLSSocket }> {
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ...options });
    await once(socket, "secureConnect");
    return Object.assign(new RawDevice(socket), { socket });
  }

  /** Over a WebSocket, each write in a message of its own. */
  static async openWebSocket(url: string, options: ClientOptions = {}): Promise<RawDevice & { webSocket: WebSocket }> {
    const webSocket = new WebSocket(url, "mqtt", options);
    const device = new RawDevice(createWebSocketStream(webSocket, { allowHalfOpen: false }));
    await once(webSocket, "open");
    return Object.assign(device, { webSocket });
  }

  /** Connects and logs in; the token is `token of {deviceId}` unless said. */
  static async login(
    port: number,
    deviceId: string,
    options: ConnectOptions = {},
    from: Partial<TcpNetConnectOpts> = {},
  ): Promise<RawDevice> {
    const device = await RawDevice.open(port, from);
    device.connect(deviceId, options);
    await device.wait("connack");
    return device;
  }

  connect(deviceId: string, { clientId, username, password, clean, keepalive, will }: ConnectOptions = {}): void {
    this.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clientId: clientId ?? deviceId,
      clean: clean ?? true,
      keepalive: keepalive ?? 60,
      ...(username !== null && {
        username: username ?? deviceId,
        password: Buffer.from(password ?? `token of ${deviceId}`),
      }),
      ...(will && { will: { qos: 0, retain: false, ...will, payload: Buffer.from(will.payload) } }),
    });
  }

  send(...packets: Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => generate(packet))));
  }

  bytes(...bytes: number[]): void {
    this.socket.write(Buffer.from(bytes));
  }

  subscribe(messageId: number, ...topics: string[]): void {
    this.send({ cmd: "subscribe", messageId, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) });
  }

  async wait<C extends Packet["cmd"]>(cmd: C, count = 1): Promise<Extract<Packet, { cmd: C }>> {
    return until(() => this.all(cmd)[count - 1], `${cmd} number ${count}`);
  }

  all<C extends Packet["cmd"]>(cmd: C): Extract<Packet, { cmd: C }>[] {
    return this.received.filter((packet): packet is Extract<Packet, { cmd: C }> => packet.cmd === cmd);
  }

  async waitClosed(): Promise<void> {
    await until(() => this.closed, "the connection to close");
  }
}

export const publish = (topic: string, messageId: number, payload = "{}"): Packet => ({
  cmd: "publish",
  topic,
  payload: Buffer.from(payload),
  qos: messageId > 0 ? 1 : 0,
  ...(messageId > 0 && { messageId }),
  dup: false,
  retain: false,
});
