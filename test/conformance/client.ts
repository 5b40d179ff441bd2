import type { IPublishPacket } from "mqtt-packet";
import { type ConnectOptions, RawDevice } from "../../gateway/testing/raw-device.ts";

type QoS = 0 | 1 | 2;

/** A client that connected, and what its CONNACK said. */
export async function client(port: number, id: string, options: ConnectOptions = {}): Promise<RawDevice> {
  return RawDevice.login(port, id, options);
}

/** Connects, subscribes and waits for the SUBACK. @returns the client, with nothing received but that */
export async function subscriber(
  port: number,
  id: string,
  filters: Record<string, QoS>,
  options: ConnectOptions = {},
): Promise<RawDevice> {
  const device = await client(port, id, options);
  subscribe(device, 1, filters);
  await device.wait("suback");
  return device;
}

export function subscribe(device: RawDevice, messageId: number, filters: Record<string, QoS>): void {
  const subscriptions = Object.entries(filters).map(([topic, qos]) => ({ topic, qos }));
  device.send({ cmd: "subscribe", messageId, subscriptions });
}

export const message = (topic: string, payload: string, more: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: "publish",
  topic,
  payload,
  qos: 0,
  dup: false,
  retain: false,
  ...(more.qos && { messageId: 1 }),
  ...more,
});

/** A message of any QoS, and its handshake to the end. */
export async function send(device: RawDevice, packet: IPublishPacket): Promise<void> {
  const { qos, messageId = 0 } = packet;
  const pubacks = device.all("puback").length;
  const pubrecs = device.all("pubrec").length;
  const pubcomps = device.all("pubcomp").length;
  device.send(packet);
  if (qos === 1) await device.wait("puback", pubacks + 1);
  if (qos === 2) {
    await device.wait("pubrec", pubrecs + 1);
    device.send({ cmd: "pubrel", messageId });
    await device.wait("pubcomp", pubcomps + 1);
  }
}

/** A PINGREQ and its answer: what was on its way to the client before has come. */
export async function settle(device: RawDevice): Promise<void> {
  const pings = device.all("pingresp").length;
  device.send({ cmd: "pingreq" });
  await device.wait("pingresp", pings + 1);
}

/** What was received, as text. */
export const texts = (device: RawDevice): string[] =>
  device.all("publish").map(({ topic, payload, qos }) => `${topic} ${payload.toString()} ${qos}`);
