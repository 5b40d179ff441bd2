/**
 * Recipes as schema.org has them (https://schema.org/Recipe), in JSON-LD: read from what pages and editors put out, and written so that
 * others read them.
 *
 * schema.org has durations and text, and no word for what a machine does. The machine layer travels beside a step as `hearth:machine`,
 * which readers who do not know it pass over.
 */
import { plainText } from "./plain-text.ts";

/** A recipe's text in one locale, before the contract has looked at it. */
export interface RecipeText {
  title: string;
  summary: string;
  servings?: number;
  yields?: string;
  prep_s?: number;
  cook_s?: number;
  ingredients: string[];
  steps: { text: string; section?: string; machine?: unknown }[];
}

export interface ReadRecipe {
  text: RecipeText;
  /** From `keywords`, `recipeCategory` and `recipeCuisine`: lower case, with dashes. */
  topics: string[];
  /** `inLanguage`, where the recipe names one. */
  language: string | null;
}

export type Reading = { kind: "read"; recipe: ReadRecipe } | { kind: "refused"; pointer: string; message: string };

type Node = Record<string, unknown>;

const context = { "@vocab": "https://schema.org/", hearth: "urn:hearth:recipe#" };

/** How deep lists and graphs may lie in each other, and how much is looked through. */
const depthMax = 8;
const nodesMax = 2_000;
const stepsMax = 50;
const ingredientsMax = 100;
const topicsMax = 20;

/** A refusal on its way out of the reading functions. */
class Unreadable extends Error {
  readonly pointer: string;
  constructor(pointer: string, message: string) {
    super(message);
    this.pointer = pointer;
  }
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
const typesOf = (node: Node): string[] =>
  listOf(node["@type"]).map((type) => String(type).replace(/^(https?:\/\/schema\.org\/|schema:)/, ""));

/** The first Recipe in a document: by itself, in a list, in `@graph`, or as a page's `mainEntity`. */
function findRecipe(document: unknown): { node: Node; pointer: string } | null {
  const waiting = [{ value: document, pointer: "", depth: 0 }];
  for (let looked = 0; looked < nodesMax; looked += 1) {
    const next = waiting[looked];
    if (next === undefined) return null;
    const { value, pointer, depth } = next;
    if (isNode(value) && typesOf(value).includes("Recipe")) return { node: value, pointer };
    if (depth >= depthMax) continue;
    const inner = Array.isArray(value)
      ? value.slice(0, nodesMax).map((one, at) => [String(at), one] as const)
      : isNode(value)
        ? (["@graph", "mainEntity", "mainEntityOfPage", "itemListElement", "item"] as const).map(
            (key) => [key, value[key]] as const,
          )
        : [];
    for (const [key, one] of inner) {
      if (typeof one === "object" && one !== null) {
        waiting.push({ value: one, pointer: `${pointer}/${key}`, depth: depth + 1 });
      }
    }
  }
  return null;
}

/** Text without markup; of an object its `text`, `name` or `@value`. */
function textOf(value: unknown, pointer: string, max: number): string {
  if (value === undefined || value === null) return "";
  if (isNode(value)) return textOf(value["text"] ?? value["name"] ?? value["@value"], pointer, max);
  if (Array.isArray(value)) return textOf(value[0], pointer, max);
  if (typeof value !== "string" && typeof value !== "number") throw new Unreadable(pointer, "must be text");
  const text = plainText(String(value));
  if (text.length > max) throw new Unreadable(pointer, `must be at most ${max} characters`);
  return text;
}

const durationPattern = /^P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const durationMax_s = 604_800;

/** Seconds of an ISO 8601 duration of days, hours, minutes and seconds. Years and months have no length of their own. */
export function durationSeconds(text: string): number | null {
  const found = durationPattern.exec(text.trim().toUpperCase());
  if (found === null || found.slice(1).every((part) => part === undefined)) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0));
  return Math.round(days * 86_400 + hours * 3_600 + minutes * 60 + seconds);
}

/** ISO 8601 of seconds: `PT1H30M`. */
export function durationText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 3_600), "H"],
    [Math.floor((seconds % 3_600) / 60), "M"],
    [seconds % 60, "S"],
  ].flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`]));
  return `PT${parts.length === 0 ? "0S" : parts.join("")}`;
}

function readDuration(node: Node, key: string, pointer: string): number | undefined {
  const value = node[key];
  if (value === undefined || value === null || value === "") return undefined;
  const seconds = typeof value === "string" ? durationSeconds(value) : null;
  if (seconds === null) throw new Unreadable(`${pointer}/${key}`, "must be a duration of ISO 8601, such as PT25M");
  if (seconds > durationMax_s) throw new Unreadable(`${pointer}/${key}`, "must be at most a week");
  return seconds;
}

const spoken = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** `4`, `"4 servings"`, `["4", "4 Portionen"]`, or a quantity: a number of servings where one stands first, and the words where they say more. */
function readYield(node: Node, pointer: string): Pick<RecipeText, "servings" | "yields"> {
  const given = listOf(node["recipeYield"] ?? node["yield"]).map((one) =>
    isNode(one) && "value" in one ? `${spoken(one["value"])} ${spoken(one["unitText"])}`.trim() : one,
  );
  const texts = given.map((one, at) => textOf(one, `${pointer}/recipeYield/${at}`, 100)).filter((text) => text !== "");
  const number = texts.map((text) => /^\d{1,3}\b/.exec(text)?.[0]).find((found) => found !== undefined);
  const servings = number === undefined ? undefined : Number(number);
  const words = texts.find(
    (text) => !/^\d+$/.test(text) && !/^\d+\s*(servings?|portions?|portionen|personen|people)$/i.test(text),
  );
  return {
    ...(servings !== undefined && servings >= 1 && servings <= 100 && words === undefined ? { servings } : {}),
    ...(words === undefined ? {} : { yields: words }),
  };
}

function readIngredients(node: Node, pointer: string): string[] {
  const at = `${pointer}/recipeIngredient`;
  const list = listOf(node["recipeIngredient"] ?? node["ingredients"]);
  if (list.length > ingredientsMax) throw new Unreadable(at, `must be at most ${ingredientsMax}`);
  return list.map((one, index) => textOf(one, `${at}/${index}`, 300)).filter((text) => text !== "");
}

type Step = RecipeText["steps"][number];

/** Steps from text, HowToStep, HowToSection and lists of them; a text alone is a step for each of its lines. */
function readSteps(value: unknown, pointer: string, depth = 0): Step[] {
  if (depth > depthMax) throw new Unreadable(pointer, "must not lie so deep in itself");
  if (typeof value === "string") {
    return plainText(value)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .map((text, at) => ({ text: textOf(text, `${pointer}/${at}`, 2_000) }));
  }
  if (Array.isArray(value)) return value.flatMap((one, at) => readSteps(one, `${pointer}/${at}`, depth + 1));
  if (!isNode(value)) throw new Unreadable(pointer, "must be text, a HowToStep or a HowToSection");
  const types = typesOf(value);
  if (types.includes("HowToSection")) {
    const [first, ...rest] = readSteps(
      value["itemListElement"] ?? value["steps"] ?? [],
      `${pointer}/itemListElement`,
      depth + 1,
    );
    const section = textOf(value["name"], `${pointer}/name`, 200);
    if (first === undefined) return [];
    return [section === "" ? first : { ...first, section }, ...rest];
  }
  if (types.includes("ItemList"))
    return readSteps(value["itemListElement"] ?? [], `${pointer}/itemListElement`, depth + 1);
  if (types.includes("ListItem")) return readSteps(value["item"] ?? "", `${pointer}/item`, depth + 1);
  return readStep(value, pointer);
}

function readStep(step: Node, pointer: string): Step[] {
  const inner = step["text"] === undefined ? listOf(step["itemListElement"]) : [];
  const inParts = inner.map((one, at) => textOf(one, `${pointer}/itemListElement/${at}`, 2_000)).join(" ");
  const text =
    inParts === "" ? textOf(step["text"] ?? step["name"], `${pointer}/text`, 2_000) : textOf(inParts, pointer, 2_000);
  const machine = step["hearth:machine"];
  if (text === "" && machine === undefined) return [];
  return [{ text, ...(machine === undefined ? {} : { machine }) }];
}

function readTopics(node: Node, pointer: string): string[] {
  const words = ["recipeCategory", "recipeCuisine", "keywords"].flatMap((key) =>
    listOf(node[key]).flatMap((one) => textOf(one, `${pointer}/${key}`, 2_000).split(",")),
  );
  const topics = words.map((word) =>
    word
      .normalize("NFKD")
      .replaceAll(/[\u0300-\u036F]/g, "")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^[-0-9]+|-+$/g, "")
      .slice(0, 40),
  );
  return [...new Set(topics.filter((topic) => topic !== ""))].slice(0, topicsMax);
}

/**
 * Reads a recipe. What schema.org leaves open is taken as pages really write it; markup is stripped.
 *
 * @returns refused with the pointer of the field, where it is none or is not as it should be
 */
export function readRecipe(document: unknown): Reading {
  const found = findRecipe(document);
  if (found === null) return { kind: "refused", pointer: "", message: "must hold a Recipe of schema.org" };
  const { node, pointer } = found;
  try {
    const title = textOf(node["name"] ?? node["headline"], `${pointer}/name`, 200);
    if (title === "") throw new Unreadable(`${pointer}/name`, "must be there");
    const steps = readSteps(node["recipeInstructions"] ?? [], `${pointer}/recipeInstructions`);
    if (steps.length === 0) throw new Unreadable(`${pointer}/recipeInstructions`, "must hold at least one step");
    if (steps.length > stepsMax)
      throw new Unreadable(`${pointer}/recipeInstructions`, `must hold at most ${stepsMax} steps`);
    const prep_s = readDuration(node, "prepTime", pointer);
    const total_s = readDuration(node, "totalTime", pointer);
    const cook_s =
      readDuration(node, "cookTime", pointer) ??
      (total_s === undefined ? undefined : Math.max(total_s - (prep_s ?? 0), 0));
    const text: RecipeText = {
      title,
      summary: textOf(node["description"], `${pointer}/description`, 2_000),
      ...readYield(node, pointer),
      ...(prep_s === undefined ? {} : { prep_s }),
      ...(cook_s === undefined ? {} : { cook_s }),
      ingredients: readIngredients(node, pointer),
      steps,
    };
    const language = typeof node["inLanguage"] === "string" ? node["inLanguage"].slice(0, 35) : null;
    return { kind: "read", recipe: { text, topics: readTopics(node, pointer), language } };
  } catch (error) {
    if (error instanceof Unreadable) return { kind: "refused", pointer: error.pointer, message: error.message };
    throw error;
  }
}

/** Writes a recipe as JSON-LD that any reader of schema.org understands, the machine layer beside its steps. */
export function writeRecipe(recipe: ReadRecipe & { image?: string | undefined }): Node {
  const { text, topics, language, image } = recipe;
  const { servings, yields, prep_s, cook_s } = text;
  const total_s = prep_s === undefined && cook_s === undefined ? undefined : (prep_s ?? 0) + (cook_s ?? 0);
  return {
    "@context": context,
    "@type": "Recipe",
    name: text.title,
    ...(text.summary === "" ? {} : { description: text.summary }),
    ...(language === null ? {} : { inLanguage: language }),
    ...(image === undefined ? {} : { image }),
    ...(servings === undefined && yields === undefined ? {} : { recipeYield: yields ?? `${servings} servings` }),
    ...(prep_s === undefined ? {} : { prepTime: durationText(prep_s) }),
    ...(cook_s === undefined ? {} : { cookTime: durationText(cook_s) }),
    ...(total_s === undefined ? {} : { totalTime: durationText(total_s) }),
    recipeIngredient: text.ingredients,
    recipeInstructions: writeSteps(text.steps),
    ...(topics.length === 0 ? {} : { keywords: topics.join(",") }),
  };
}

/** A step that names a section opens it; what follows without a name belongs to it. */
function writeSteps(steps: readonly Step[]): Node[] {
  const written: Node[] = [];
  let section: Node[] | null = null;
  for (const { text, section: name, machine } of steps) {
    const step = { "@type": "HowToStep", text, ...(machine === undefined ? {} : { "hearth:machine": machine }) };
    if (name !== undefined) {
      section = [];
      written.push({ "@type": "HowToSection", name, itemListElement: section });
    }
    (section ?? written).push(step);
  }
  return written;
}
