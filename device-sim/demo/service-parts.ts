import { request } from "../api.ts";
import type { FleetMember } from "../fleet.ts";
import { type CaseSeen, readCases } from "./hearth-api.ts";
import type { Stage } from "./stage.ts";

const watchMs = 700;
/** Long enough to be seen open. */
const technicianMs = 4_000;

/** One oven runs too hot until its cut-out opens; another has a worn element, which a technician changes. */
export async function playFaults(stage: Stage): Promise<void> {
  const { fleet, tell } = stage.deps;
  const tooHot = stage.restingOne(stage.ofModel("oven-x200"));
  fleet.inject(tooHot.id, "over_temperature");
  await started(stage, tooHot, 250);
  tell(`The relay of ${tooHot.id} welds shut while it cooks: it will run too hot.`);
  const worn = stage.restingOne(stage.ofModel("oven-s80").slice(1));
  fleet.inject(worn.id, "heating_element");
  await started(stage, worn, 180);
  const element = await seen(stage, (one) => one.deviceId === worn.id && one.cause.includes("heating_element"));
  await request(stage.deps.api, "POST", `/cases/${element.id}/notes`, {
    text: "Booked a technician with a new element.",
  });
  tell(`Support notes on the case of ${worn.id} that a technician is booked.`);
  await stage.pause(technicianMs);
  fleet.repair(worn.id, "heating_element");
  tell(`The technician has changed the element of ${worn.id}.`);
}

async function started(stage: Stage, { id }: FleetMember, setpoint_c: number): Promise<void> {
  const { fleet } = stage.deps;
  await stage.until(() => {
    const outcome = fleet.cook(id, { program: "HotAir", setpoint_c, duration_s: 3_600 });
    if (outcome.kind === "refused" && outcome.rule === "fault_active") return true;
    if (outcome.kind === "refused" && outcome.rule === "already_running") fleet.stopProgram(id);
    return outcome.kind === "started";
  });
}

async function seen(stage: Stage, wanted: (one: CaseSeen) => boolean): Promise<CaseSeen> {
  for (;;) {
    const found = (await readCases(stage.deps.api)).find(wanted);
    if (found !== undefined) return found;
    await stage.pause(watchMs);
  }
}

/** Tells what becomes of cases, whatever opened them. */
export async function tellCases(stage: Stage): Promise<void> {
  const { api, tell } = stage.deps;
  const known = new Map<string, string>();
  for (;;) {
    for (const one of (await readCases(api)).toReversed()) {
      const before = known.get(one.id);
      known.set(one.id, one.status);
      if (before === one.status) continue;
      const whose = one.deviceId ?? "a household";
      if (before === undefined) tell(`A case is opened for ${whose}: ${reasonOf(one)}.`);
      if (one.status === "resolved") tell(`The case of ${whose} is resolved: its cause cleared.`);
      if (one.status === "reopened") tell(`The case of ${whose} is reopened: its cause is back.`);
    }
    await stage.pause(watchMs);
  }
}

/** `fault:salt_low` is what the appliance said of itself; another cause is a rule's own. */
function reasonOf({ cause, title }: CaseSeen): string {
  const code = cause.startsWith("fault:") ? cause.slice("fault:".length).replaceAll("_", " ") : null;
  return code === null ? title.toLowerCase() : `it reports '${code}'`;
}
