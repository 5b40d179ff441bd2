import type { ContentItem } from "#protocol/content.ts";

/** What the demo's editors wrote: a draft of a content item, as the API takes it. */
interface Draft<Kind extends ContentItem["kind"]> {
  kind: Kind;
  /** Which models it is for; all, where it names none. */
  models?: string[];
  locales: Record<string, Omit<Extract<ContentItem, { kind: Kind }>, "kind" | "id" | "version" | "locale" | "class">>;
  class?: "safety" | "service";
}

const gratinSteps = (heat: string, bake: string): Draft<"recipe">["locales"][string]["steps"] => [
  { text: heat, machine: { program: "TopBottomHeating", setpoint_c: 200, duration_s: 600 } },
  { text: bake, machine: { program: "HotAir", setpoint_c: 170, duration_s: 2_400 } },
];

/** Both oven models. */
export const ovens = ["oven-x200", "oven-s80"];

/** For the feed of both oven models: each household reads it in its own language. */
export const feedRecipe: Draft<"recipe"> = {
  kind: "recipe",
  models: ovens,
  locales: {
    "en-GB": {
      title: "Potato gratin",
      summary: "Cream, garlic, and a crust that cracks.",
      servings: 4,
      ingredients: ["1 kg potatoes", "400 ml cream", "1 clove of garlic", "120 g Gruyère"],
      steps: gratinSteps("Heat the oven and slice the potatoes.", "Bake until the crust is golden."),
    },
    de: {
      title: "Kartoffelgratin",
      summary: "Sahne, Knoblauch und eine Kruste, die knackt.",
      servings: 4,
      ingredients: ["1 kg Kartoffeln", "400 ml Sahne", "1 Knoblauchzehe", "120 g Gruyère"],
      steps: gratinSteps("Den Ofen vorheizen und die Kartoffeln hobeln.", "Backen, bis die Kruste goldbraun ist."),
    },
    fr: {
      title: "Gratin dauphinois",
      summary: "De la crème, de l'ail, et une croûte qui craque.",
      servings: 4,
      ingredients: ["1 kg de pommes de terre", "400 ml de crème", "1 gousse d'ail", "120 g de gruyère"],
      steps: gratinSteps("Préchauffer et émincer les pommes de terre.", "Cuire jusqu'à ce que la croûte soit dorée."),
    },
    sv: {
      title: "Potatisgratäng",
      summary: "Grädde, vitlök och en yta som knastrar.",
      servings: 4,
      ingredients: ["1 kg potatis", "4 dl grädde", "1 vitlöksklyfta", "120 g gruyère"],
      steps: gratinSteps("Värm ugnen och skiva potatisen.", "Grädda tills ytan är gyllene."),
    },
    "pt-BR": {
      title: "Batata gratinada",
      summary: "Creme de leite, alho e uma crosta crocante.",
      servings: 4,
      ingredients: ["1 kg de batatas", "400 ml de creme de leite", "1 dente de alho", "120 g de gruyère"],
      steps: gratinSteps("Aqueça o forno e fatie as batatas.", "Asse até a crosta dourar."),
    },
    ja: {
      title: "じゃがいものグラタン",
      summary: "生クリームとにんにく、こんがりした焼き目。",
      servings: 4,
      ingredients: ["じゃがいも 1 kg", "生クリーム 400 ml", "にんにく 1片", "グリュイエールチーズ 120 g"],
      steps: gratinSteps("オーブンを温め、じゃがいもを薄切りにします。", "焼き色がつくまで焼きます。"),
    },
  },
};

/** What its author changed since: a draft, while the one before is live. */
export const nextFeedRecipe: Draft<"recipe"> = {
  ...feedRecipe,
  locales: {
    ...feedRecipe.locales,
    "en-GB": {
      title: "Potato gratin",
      summary: "Cream, garlic, thyme, and a crust that cracks.",
      servings: 4,
      ingredients: ["1 kg waxy potatoes", "400 ml cream", "1 clove of garlic", "120 g Gruyère", "Thyme"],
      steps: gratinSteps("Heat the oven and slice the potatoes thinly.", "Bake until the crust is golden."),
    },
  },
};

/** For one oven, whose person starts it. */
export const sentRecipe: Draft<"recipe"> = {
  kind: "recipe",
  locales: {
    "en-GB": {
      title: "Steamed salmon, crisp at the end",
      summary: "Two steps, and the oven knows both.",
      servings: 2,
      ingredients: ["2 salmon fillets", "Salt", "1 lemon"],
      steps: [
        { text: "Steam the salmon.", machine: { program: "Steam", setpoint_c: 100, duration_s: 900 } },
        { text: "Crisp the skin.", machine: { program: "HotAir", setpoint_c: 210, duration_s: 420 } },
      ],
    },
  },
};

export const tip: Draft<"tip"> = {
  kind: "tip",
  locales: {
    "en-GB": { title: "Five minutes early", text: "Switch off five minutes early: the walls finish the job." },
    de: { title: "Fünf Minuten früher", text: "Fünf Minuten früher ausschalten: den Rest erledigen die Wände." },
    fr: { title: "Cinq minutes plus tôt", text: "Éteignez cinq minutes plus tôt : les parois finissent la cuisson." },
    sv: { title: "Fem minuter tidigare", text: "Stäng av fem minuter tidigare: väggarna gör resten." },
    "pt-BR": { title: "Cinco minutos antes", text: "Desligue cinco minutos antes: o calor das paredes termina." },
    ja: { title: "5分早く", text: "5分早く消しても、余熱で仕上がります。" },
  },
};

export const notice: Draft<"notice"> = {
  kind: "notice",
  locales: {
    "en-GB": {
      title: "Clean the filter",
      text: "A clean filter washes better. Once a month is enough.",
    },
    de: { title: "Sieb reinigen", text: "Ein sauberes Sieb spült besser. Einmal im Monat genügt." },
    fr: {
      title: "Nettoyer le filtre",
      text: "Un filtre propre lave mieux. Une fois par mois suffit.",
    },
    sv: { title: "Rengör filtret", text: "Ett rent filter diskar bättre. En gång i månaden räcker." },
    "pt-BR": { title: "Limpe o filtro", text: "Filtro limpo lava melhor. Uma vez por mês basta." },
    ja: { title: "フィルターの掃除", text: "月に一度の掃除で、洗い上がりが良くなります。" },
  },
};

export const message: Draft<"message"> = {
  kind: "message",
  locales: {
    "en-GB": { title: "How was it?", text: "You cooked with steam for the first time. Tell us how it went." },
    de: { title: "Wie war es?", text: "Sie haben zum ersten Mal mit Dampf gegart. Wie ist es gelungen?" },
  },
};
