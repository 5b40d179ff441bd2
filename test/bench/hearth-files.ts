import mqtt from "mqtt";
import { overHttp, ReleaseKit } from "../support/release-kit.ts";
import type { FileServer } from "./file-server.ts";
import { type Hearth, startHearth } from "./hearth.ts";
import { benchModel } from "./peer.ts";

/** Hearth that has published an image, with the link that one of its appliances was offered it by. */
export async function startHearthFiles(image: Buffer): Promise<FileServer> {
  const hearth = await startHearth(1);
  return { ...hearth, href: await offeredHref(hearth, image) };
}

/** Publishes the image, sends it to the bench's first appliance, and reads the link in its offer. */
export async function offeredHref({ service, devices }: Hearth, image: Buffer): Promise<string> {
  const [device] = devices;
  if (device === undefined) throw new Error("the bench has no appliance");
  const kit = await ReleaseKit.open(overHttp(service.http, service.key), [benchModel]);
  const { id } = await kit.publish(image, { hardwareIds: ["b1"] });
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: device.id,
    username: device.id,
    password: device.token,
  });
  try {
    const offered = new Promise<string>((resolve) => {
      client.once("message", (_topic, payload) => resolve(JSON.parse(payload.toString()).body.imageHref));
    });
    await client.subscribeAsync(`hearth/v1/devices/${device.id}/inbox`, { qos: 1 });
    const sent = await service.api(`/api/v1/firmware/releases/${id}/send`, {
      method: "POST",
      body: { deviceIds: [device.id] },
    });
    if (sent.status !== 200) throw new Error(`Hearth answered ${sent.status}: ${JSON.stringify(sent.body)}`);
    return await offered;
  } finally {
    await client.endAsync(true);
  }
}
