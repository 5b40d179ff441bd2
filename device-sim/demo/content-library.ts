/** The rest of the demo's library: what is planned, in review, sent back, over. In English and German. */
import { ovens } from "./content.ts";
import type { Editors } from "./editors.ts";

const crispBread = {
  kind: "recipe",
  topics: ["baking", "bread"],
  isShareable: true,
  models: ["oven-s80"],
  locales: {
    "en-GB": {
      title: "Country loaf with a steamed crust",
      summary: "A short breath of steam, then dry heat: the crust sings when it cools.",
      yields: "1 loaf",
      prep_s: 1_800,
      cook_s: 2_700,
      ingredients: ["{{500 g}} strong white flour", "{{350 ml}} water", "{{10 g}} salt", "1 sachet of yeast"],
      steps: [
        {
          section: "Dough",
          text: "Knead everything for ten minutes and let it rise, covered, until it has doubled.",
        },
        {
          section: "Baking",
          text: "Steam it hot: {{230 °C}} for a quarter of an hour.",
          machine: { program: "HotAir", setpoint_c: 230, duration_s: 900, steamLevel: "high", fastPreHeat: true },
        },
        {
          text: "Finish it dry at {{200 °C}}.",
          machine: { program: "TopBottomHeating", setpoint_c: 200, duration_s: 1_800 },
        },
      ],
    },
    de: {
      title: "Landbrot mit gedämpfter Kruste",
      summary: "Ein kurzer Dampfstoß, dann trockene Hitze: Die Kruste singt beim Abkühlen.",
      yields: "1 Laib",
      prep_s: 1_800,
      cook_s: 2_700,
      ingredients: ["{{500 g}} Weizenmehl", "{{350 ml}} Wasser", "{{10 g}} Salz", "1 Päckchen Hefe"],
      steps: [
        { section: "Teig", text: "Alles zehn Minuten kneten und zugedeckt gehen lassen, bis er sich verdoppelt hat." },
        {
          section: "Backen",
          text: "Heiß bedampfen: eine Viertelstunde bei {{230 °C}}.",
          machine: { program: "HotAir", setpoint_c: 230, duration_s: 900, steamLevel: "high", fastPreHeat: true },
        },
        {
          text: "Trocken fertig backen bei {{200 °C}}.",
          machine: { program: "TopBottomHeating", setpoint_c: 200, duration_s: 1_800 },
        },
      ],
    },
  },
};

const gooseBreast = {
  kind: "recipe",
  topics: ["roast", "for-guests"],
  isShareable: true,
  locales: {
    "en-GB": {
      title: "Goose breast with the probe",
      summary: "Slow to the core, crisp at the end. For the days when everybody comes.",
      servings: 4,
      prep_s: 1_200,
      cook_s: 9_000,
      ingredients: ["2 goose breasts, about {{900 g}}", "{{200 ml}} stock", "2 apples", "Mugwort"],
      steps: [
        {
          text: "Put the probe into the thickest part and let it come to {{68 °C}}.",
          machine: { program: "SlowCook", setpoint_c: 120, probe_c: 68 },
        },
        { text: "Crisp the skin.", machine: { program: "HotAir", setpoint_c: 220, duration_s: 480 } },
      ],
    },
    de: {
      title: "Gänsebrust mit Kerntemperatur",
      summary: "Langsam bis in den Kern, knusprig zum Schluss. Für die Tage, an denen alle kommen.",
      servings: 4,
      prep_s: 1_200,
      cook_s: 9_000,
      ingredients: ["2 Gänsebrüste, etwa {{900 g}}", "{{200 ml}} Fond", "2 Äpfel", "Beifuß"],
      steps: [
        {
          text: "Den Fühler in die dickste Stelle stecken und auf {{68 °C}} bringen.",
          machine: { program: "SlowCook", setpoint_c: 120, probe_c: 68 },
        },
        { text: "Die Haut knusprig braten.", machine: { program: "HotAir", setpoint_c: 220, duration_s: 480 } },
      ],
    },
  },
};

/** Too hot for both ovens, which its author sees at the step. */
const stonePizza = {
  kind: "recipe",
  topics: ["baking", "pizza"],
  locales: {
    "en-GB": {
      title: "Pizza on the stone",
      summary: "Three minutes, if the stone is hot enough.",
      servings: 2,
      ingredients: ["2 balls of dough", "{{200 g}} tomatoes", "{{125 g}} mozzarella"],
      steps: [
        { text: "Heat the stone.", machine: { program: "PizzaSetting", setpoint_c: 300, duration_s: 2_700 } },
        { text: "Slide it in and stay with it." },
      ],
    },
  },
};

const doorSeal = {
  kind: "notice",
  class: "safety",
  topics: ["care"],
  locales: {
    "en-GB": { title: "Look at the door seal", text: "If it is torn, do not heat above {{200 °C}} and call us." },
    de: {
      title: "Türdichtung prüfen",
      text: "Ist sie gerissen, heizen Sie nicht über {{200 °C}} und rufen Sie uns an.",
    },
  },
};

const stoneOffer = {
  kind: "offer",
  topics: ["pizza"],
  offerKey: "baking_stone",
  locales: {
    "en-GB": {
      title: "A baking stone for pizza nights",
      text: "You bake pizza often: this is the stone for your oven.",
    },
    de: { title: "Ein Backstein für Pizza-Abende", text: "Sie backen oft Pizza: Das ist der Stein für Ihren Ofen." },
  },
};

const silver = {
  kind: "message",
  class: "loyalty_status",
  topics: ["points"],
  locales: {
    "en-GB": {
      title: "You are Silver now",
      text: "Thank you for cooking with us. Every program counts one and a half times.",
    },
    de: {
      title: "Sie sind jetzt Silber",
      text: "Danke, dass Sie mit uns kochen. Jedes Programm zählt anderthalbfach.",
    },
  },
};

const adventWeekend = {
  kind: "message",
  class: "promotional",
  topics: ["baking"],
  locales: {
    "en-GB": {
      title: "An Advent weekend of baking",
      text: "Three biscuits, one dough, and twice the points until Sunday.",
    },
    de: {
      title: "Ein Adventswochenende zum Backen",
      text: "Drei Plätzchen, ein Teig, und bis Sonntag doppelte Punkte.",
    },
  },
};

const summerTip = {
  kind: "tip",
  topics: ["energy"],
  locales: {
    "en-GB": { title: "Cook early", text: "On hot days bake in the morning, and the kitchen stays cool." },
    de: { title: "Früh backen", text: "An heißen Tagen morgens backen, dann bleibt die Küche kühl." },
  },
};

/** A day from now on, at an hour: `2026-12-12T08:00`. */
const dayAt = (nowMs: number, days: number, time: string): string =>
  `${Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO("UTC").toPlainDate().add({ days }).toString()}T${time}`;

/** Fills the library. @returns how many items it now holds beside those of the story */
export async function fillLibrary(editors: Editors, nowMs: number): Promise<number> {
  const berlin = { zone: "Europe/Berlin" };
  await Promise.all([
    (async () => {
      const bread = await editors.write(crispBread);
      await editors.submit(bread, "The steam step is new. Please look at the German text as well.");
    })(),
    (async () => {
      const goose = await editors.approved(gooseBreast);
      await editors.schedule(goose, {
        models: ovens,
        from: dayAt(nowMs, 6, "08:00"),
        until: dayAt(nowMs, 32, "00:00"),
        ...berlin,
      });
    })(),
    (async () => {
      const pizza = await editors.write(stonePizza);
      await editors.submit(pizza, "For pizza nights.");
      await editors.sendBack(pizza, "300 °C is more than any of our ovens does. And it lacks a German text.");
    })(),
    editors.write(doorSeal),
    (async () => editors.schedule(await editors.approved(stoneOffer), { until: dayAt(nowMs, 60, "00:00") }))(),
    (async () => editors.schedule(await editors.approved(silver), {}))(),
    (async () => {
      const weekend = await editors.approved(adventWeekend);
      await editors.schedule(weekend, { from: dayAt(nowMs, 2, "09:00"), until: dayAt(nowMs, 9, "00:00") });
    })(),
    editors.approved(summerTip),
  ]);
  return 8;
}
