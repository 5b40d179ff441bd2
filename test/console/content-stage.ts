/** A small library on a real service: two editors, and items in several states. */
import { loadModels } from "../../device-sim/models.ts";
import { approveContent } from "../support/approved-content.ts";
import type { RunningService } from "../support/service-process.ts";

export interface ContentStage {
  /** Keys of two people who may write and review. */
  mara: string;
  jonas: string;
  /** Too hot for the steam oven, in English alone; its second version is a draft. */
  pie: string;
  tip: string;
}

const pie = (bake: string, setpoint_c: number) => ({
  kind: "recipe",
  isShareable: true,
  topics: ["baking"],
  locales: {
    en: {
      title: "Apple pie",
      summary: "Crisp and sweet.",
      servings: 8,
      ingredients: ["{{1 kg}} apples", "{{200 g}} sugar"],
      steps: [
        { text: "Slice the apples." },
        { text: bake, machine: { program: "HotAir", setpoint_c, duration_s: 2_700 } },
      ],
    },
  },
});

export async function setContent(service: RunningService): Promise<ContentStage> {
  const post = async (path: string, body: object) => {
    const answer = await service.api(`/api/v1${path}`, { method: "POST", body });
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  for (const key of ["oven-x200", "oven-s80"]) {
    await service.api(`/api/v1/models/${key}`, { method: "PUT", body: loadModels().get(key) });
  }
  await post("/devices", { id: "desk-oven", model: "oven-x200" });
  const [mara, jonas] = await Promise.all(
    ["Mara", "Jonas"].map(async (name) => (await post("/staff/keys", { name, role: "content" })).secret as string),
  );
  const made = (await post("/content/items", pie("Bake at {{180 °C}}.", 180))).id as string;
  await approveContent(service, made);
  await post(`/content/items/${made}/schedule`, { models: ["oven-x200", "oven-s80"] });
  await service.api(`/api/v1/content/items/${made}`, { method: "PUT", body: pie("Bake hot at {{250 °C}}.", 250) });
  const tip = {
    kind: "tip",
    locales: {
      en: { title: "Five minutes early", text: "Switch off early." },
      de: { title: "Fünf Minuten früher", text: "Früher ausschalten." },
    },
  };
  const advice = (await post("/content/items", tip)).id as string;
  await approveContent(service, advice);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await post(`/content/items/${advice}/schedule`, {
    models: ["oven-x200"],
    from: `${tomorrow}T12:00`,
    zone: "Europe/Berlin",
  });
  await post("/content/items", {
    kind: "message",
    class: "promotional",
    locales: { en: { title: "A weekend of baking", text: "Two doughs." } },
  });
  return { mara: mara ?? "", jonas: jonas ?? "", pie: made, tip: advice };
}
