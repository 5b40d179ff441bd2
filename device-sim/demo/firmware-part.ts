import { loadModels } from "../models.ts";
import { readDeliveries, readOverview, send } from "./hearth-api.ts";
import type { ReleaseTeam } from "./release-team.ts";
import type { Stage } from "./stage.ts";

export const firmwareModel = "oven-x200";
const version = "2.1.0";
const imageBytes = 256 * 1_024;

/** A release signed, uploaded and sent to the ovens of one model: most confirm it, one comes back with what it had before. */
export async function playFirmware(stage: Stage, team: ReleaseTeam): Promise<void> {
  const { api, fleet, tell } = stage.deps;
  const ovens = stage.ofModel(firmwareModel);
  const hardwareIds = loadModels().get(firmwareModel)?.hardwareIds ?? [];
  const notes = "Holds low temperatures more evenly.";
  const release = await team.publish({
    model: firmwareModel,
    hardwareIds,
    version,
    releaseCounter: 1,
    notes,
    bytes: imageBytes,
  });
  tell(`Firmware ${version} for the ${firmwareModel} is signed with keys that Hearth never sees, and published.`);

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
  const count = await send(api, `/firmware/releases/${release}/send`, { model: firmwareModel });
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
