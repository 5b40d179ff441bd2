import { request } from "../api.ts";
import { loadModels } from "../models.ts";
import { make, readDeliveries, readOverview, send } from "./hearth-api.ts";
import { newImage, type ReleaseKey } from "./release-key.ts";
import type { Stage } from "./stage.ts";

const model = "oven-x200";
const version = "2.1.0";
const imageBytes = 256 * 1_024;

/** A release signed, uploaded and sent to the ovens of one model: most confirm it, one comes back with what it had before. */
export async function playFirmware(stage: Stage, key: ReleaseKey): Promise<void> {
  const { api, fleet, tell } = stage.deps;
  const ovens = stage.ofModel(model);
  const hardwareIds = loadModels().get(model)?.hardwareIds ?? [];
  await request(api, "POST", "/firmware/keys", { publicKey: key.publicKey, name: "Demo release key" });
  const { image, manifest } = newImage({ model, hardwareIds, version, releaseCounter: 1 }, imageBytes);
  const query = new URLSearchParams({ ...key.sign(manifest) }).toString();
  const release = await make(api, `/firmware/releases?${query}`, image);
  tell(`Firmware ${version} for the ${model} is signed and uploaded.`);

  // The last ones: the first of the list get into other trouble.
  const unlucky = stage.restingOne(ovens.slice(2).toReversed());
  fleet.inject(unlucky.id, "update_failed_boot");
  const cut = stage.restingOne(
    ovens
      .slice(1)
      .toReversed()
      .filter(({ id }) => id !== unlucky.id),
  );
  fleet.inject(cut.id, "update_cut");
  const count = await send(api, `/firmware/releases/${release}/send`, { model });
  tell(`It is sent to ${count} ovens; none takes it while it is hot or running.`);

  const confirmed = async (): Promise<number> => (await readOverview(api)).firmwareConfirmed;
  await stage.until(async () => (await confirmed()) > 0);
  tell("The first oven came up with the new firmware, found itself well, and confirmed it.");
  await stage.until(async () => (await readDeliveries(api, { kind: "firmware", phase: "failed" })).length > 0);
  tell(`${unlucky.id} did not come up with the new firmware: it rolled back, and says so.`);
  const most = Math.ceil(0.9 * count);
  await stage.until(async () => (await confirmed()) >= most);
  const total = await confirmed();
  tell(`${total} of ${count} ovens have confirmed ${version}; one that is hot or in use waits until it is not.`);
}
