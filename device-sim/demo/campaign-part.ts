import { z } from "zod";
import { type Api, request } from "../api.ts";
import type { Editors } from "./editors.ts";
import type { Stage } from "./stage.ts";

const dayMs = 86_400_000;
/** Who looks at the display once something is there. */
const lookersMax = 24;
/** What was decided just now is on its way to the displays still. */
const askAgainMs = 500;
const askedMax = 30;
const segmentId = "with-an-appliance";

const made = z.object({ id: z.string() });
const secret = z.object({ secret: z.string() });
const campaign = z.object({ funnel: z.object({ members: z.number(), decided: z.number(), queued: z.number() }) });

interface Message {
  title: string;
  text: string;
  class: string;
  topics?: string[];
}

async function message(editors: Editors, { title, text, class: itemClass, topics = [] }: Message): Promise<string> {
  const id = await editors.approved({ kind: "message", class: itemClass, topics, locales: { en: { title, text } } });
  await editors.schedule(id, {});
  return id;
}

/** A campaign that runs with what became of it, another that is a draft, and a recall by serial number. */
export async function playCampaigns(stage: Stage): Promise<void> {
  const { api, fleet, members, clocks, tell } = stage.deps;
  const editors = await stage.editors();
  const author: Api = {
    ...api,
    key: secret.parse(await request(api, "POST", "/staff/keys", { name: "Ida, campaigns", role: "content" })).secret,
  };
  await request(author, "PUT", `/segments/${segmentId}`, { title: "With an appliance", expression: "appliances > 0" });
  const roast = await message(editors, {
    title: "A roast that watches itself",
    text: "Put the probe in, choose the programme, and go for a walk. The oven calls you back.",
    class: "promotional",
    topics: ["dinner", "meat"],
  });
  const bread = await message(editors, {
    title: "Bread for the weekend",
    text: "Mix it tonight, bake it tomorrow: twenty minutes of your time.",
    class: "promotional",
    topics: ["baking", "breakfast"],
  });
  const hinge = await message(editors, {
    title: "Have the door hinge changed",
    text: "The hinge of some ovens may loosen. Do not lean on the open door. We change it free of charge: touch to agree.",
    class: "recall",
  });
  const plan = {
    kind: "campaign",
    audience: { kind: "segment", segmentId },
    expiresAtMs: clocks.real.nowMs() + 30 * dayMs,
    goal: { event: "program.finished", withinDays: 14 },
  };
  const draft = async (body: object) => made.parse(await request(author, "POST", "/campaigns", body)).id;
  const run = async (body: object) => {
    const id = await draft(body);
    for (const step of ["approve", "start"]) await request(api, "POST", `/campaigns/${id}/${step}`);
    return id;
  };
  const running = await run({ ...plan, name: "Roast or bread", itemIds: [roast, bread], bestHour: false });
  await draft({ ...plan, name: "Bread at the best hour", itemIds: [bread], bestHour: true });
  await recall(stage, run, hinge);
  const funnelNow = async () => campaign.parse(await request(api, "GET", `/campaigns/${running}`)).funnel;
  await stage.until(async () => {
    const { members: all, decided } = await funnelNow();
    return all > 0 && decided >= all;
  });
  const funnel = await funnelNow();
  tell(
    `A campaign is decided for ${funnel.decided} households, each with its reasons, and goes to ${funnel.queued}; another waits for a second person.`,
  );
  await tellWhy(stage);
  for (const { id } of members.slice(0, lookersMax)) fleet.look(id);
}

/** Somebody touches the small 'Why am I seeing this?' below what the display shows. Where it is quiet hours everywhere nobody does. */
async function tellWhy(stage: Stage): Promise<void> {
  const { fleet, members, tell } = stage.deps;
  for (let asked = 0; asked < askedMax; asked += 1) {
    for (const { id } of members) {
      const reason = fleet.askWhy(id);
      if (reason === null) continue;
      tell(`${id} shows '${reason.title}'. Somebody touches 'Why am I seeing this?' and reads: ${reason.why}`);
      return;
    }
    await stage.pause(askAgainMs);
  }
}

/** The ovens of a few serial numbers are called back, whatever their households agreed to. */
async function recall(stage: Stage, run: (body: object) => Promise<string>, itemId: string): Promise<void> {
  const ids = stage
    .ofModel("oven-s80")
    .slice(0, 8)
    .map(({ id }) => id)
    .toSorted();
  const [from, to] = [ids[0], ids.at(-1)];
  if (from === undefined || to === undefined) return;
  await run({
    kind: "recall",
    name: "Door hinge, spring batch",
    audience: { kind: "serials", model: "oven-s80", ranges: [{ from, to }] },
    itemIds: [itemId],
    expiresAtMs: stage.deps.clocks.real.nowMs() + 180 * dayMs,
  });
  stage.deps.tell(
    "A recall by serial number goes to every household that has one of these ovens, and asks nobody for consent.",
  );
}
