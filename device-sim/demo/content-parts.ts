import { feedRecipe, message, nextFeedRecipe, notice, ovens, sentRecipe, tip } from "./content.ts";
import { fillLibrary } from "./content-library.ts";
import { readDeliveries, send } from "./hearth-api.ts";
import type { Stage } from "./stage.ts";

const readersMax = 30;

/** A recipe, a tip and a notice go out on feeds, and people see them on their displays. */
export async function playContent(stage: Stage): Promise<void> {
  const { clocks, fleet, tell } = stage.deps;
  const editors = await stage.editors();
  const recipe = await editors.approved(feedRecipe);
  await editors.schedule(recipe, { models: ovens });
  tell("A potato gratin is published to the recipe feed of both ovens, in six languages.");
  await editors.schedule(await editors.approved(tip), { models: ovens });
  await editors.schedule(await editors.approved(notice), { models: ["dishwasher-d4"] });
  tell("A tip goes to the ovens' feed, a service notice to the dishwashers'.");
  await editors.change(recipe, nextFeedRecipe);
  const others = await fillLibrary(editors, clocks.real.nowMs());
  tell(`The library holds ${others} more: planned, in review, sent back; what one editor wrote, the other read first.`);
  const readers = stage.ofModel("oven-s80").slice(0, readersMax);
  await stage.until(() => readers.every(({ id }) => fleet.state(id).feeds["recipes"]?.includes(recipe) === true));
  for (const { id } of readers) fleet.look(id);
  tell(`${readers.length} households look at the gratin on their oven's display.`);
}

/** A recipe is sent to one oven, whose person starts it: the oven itself never would. Then a question how it went. */
export async function playRecipe(stage: Stage): Promise<void> {
  const { api, fleet, tell } = stage.deps;
  const { id } = stage.restingOne(stage.ofModel("oven-s80"));
  const editors = await stage.editors();
  const item = await editors.approved(sentRecipe);
  await send(api, `/content/items/${item}/send`, { deviceIds: [id] });
  tell(`A recipe for steamed salmon is sent to ${id}, which keeps it on its display.`);
  const step = async (): Promise<string | null> =>
    (await readDeliveries(api, { kind: "recipe", device: id }))[0]?.step ?? null;
  await stage.until(async () => (await step()) !== null);
  await stage.until(() => {
    const outcome = fleet.startPreloaded(id, item);
    // The person who wants the salmon ends what else was cooking.
    if (outcome.kind === "refused" && outcome.rule === "already_running") fleet.stopProgram(id);
    return outcome.kind === "started";
  });
  tell(`A person starts the salmon at ${id}; nothing sent over the network could.`);
  await stage.until(async () => (await step()) === "cooked");
  tell(`The salmon is done: ${id} reports both steps finished.`);
  const question = await editors.approved(message);
  await send(api, `/content/items/${question}/send`, { deviceIds: [id] });
  await stage.until(() =>
    fleet.state(id).deliveries.some(({ kind, step: at }) => kind === "message" && at === "stored"),
  );
  fleet.look(id);
  tell(`${id} shows a message that asks how it went.`);
}
