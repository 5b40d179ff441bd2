/**
 * Recipes as schema.org has them (https://schema.org/Recipe), in JSON-LD: read from what pages and editors put out, and written so that
 * others read them.
 *
 * schema.org has durations and text, and no word for what a machine does. The machine layer travels beside a step as `hearth:machine`,
 * which readers who do not know it pass over.
 */
import { markTemperatures } from "./marked-temperatures.ts";
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

export type Reading =
  | {
      kind: "read";
      recipe: ReadRecipe;
      /** What the document says and no recipe here has a place for, by name, in the order of the alphabet: `image`, `recipeInstructions.video`. */
      leftOut: string[];
    }
  | { kind: "refused"; pointer: string; message: string };

type Node = Record<string, unknown>;

const context = { "@vocab": "https://schema.org/", hearth: "urn:hearth:recipe#" };

/** How deep lists and graphs may lie in each other, and how much is looked through. */
const depthMax = 8;
const nodesMax = 2_000;
const stepsMax = 50;
const ingredientsMax = 100;
const topicsMax = 20;
const leftOutMax = 50;
const stepCharsMax = 2_000;

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

/** Fields of a node that say something and were not read, each as `prefix` and its name. What begins with `@` is JSON-LD's own. */
const unread = (node: Node, read: readonly string[], prefix = ""): string[] =>
  Object.entries(node)
    .filter(([key, value]) => !key.startsWith("@") && !read.includes(key) && listOf(value).length > 0 && value !== "")
    .map(([key]) => `${prefix}${key}`);

/** Temperatures follow the reader's units from here on. */
function marked(text: string): string {
  const withAmounts = markTemperatures(text);
  return withAmounts.length <= stepCharsMax ? withAmounts : text;
}

/** Steps from text, HowToStep, HowToSection and lists of them; a text alone is a step for each of its lines. */
function readSteps(value: unknown, pointer: string, leftOut: Set<string>, depth = 0): Step[] {
  if (depth > depthMax) throw new Unreadable(pointer, "must not lie so deep in itself");
  if (typeof value === "string") {
    return plainText(value)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .map((text, at) => ({ text: marked(textOf(text, `${pointer}/${at}`, stepCharsMax)) }));
  }
  const inner = (part: unknown, at: string | number) => readSteps(part, `${pointer}/${at}`, leftOut, depth + 1);
  if (Array.isArray(value)) return value.flatMap(inner);
  if (!isNode(value)) throw new Unreadable(pointer, "must be text, a HowToStep or a HowToSection");
  const types = typesOf(value);
  if (types.includes("HowToSection")) {
    const [first, ...rest] = inner(value["itemListElement"] ?? value["steps"] ?? [], "itemListElement");
    noteUnread(leftOut, value, ["name", "itemListElement", "steps"]);
    const section = textOf(value["name"], `${pointer}/name`, 200);
    if (first === undefined) return [];
    return [section === "" ? first : { ...first, section }, ...rest];
  }
  if (types.includes("ItemList")) return inner(value["itemListElement"] ?? [], "itemListElement");
  if (types.includes("ListItem")) return inner(value["item"] ?? "", "item");
  return readStep(value, pointer, leftOut);
}

/** Of a part of the instructions. Where it stands among the others is how the steps follow each other. */
function noteUnread(leftOut: Set<string>, part: Node, read: readonly string[]): void {
  for (const name of unread(part, [...read, "position"], "recipeInstructions.")) leftOut.add(name);
}

function readStep(step: Node, pointer: string, leftOut: Set<string>): Step[] {
  const inner = step["text"] === undefined ? listOf(step["itemListElement"]) : [];
  const inParts = inner.map((one, at) => textOf(one, `${pointer}/itemListElement/${at}`, stepCharsMax)).join(" ");
  const text =
    inParts === ""
      ? textOf(step["text"] ?? step["name"], `${pointer}/text`, stepCharsMax)
      : textOf(inParts, pointer, stepCharsMax);
  const machine = step["hearth:machine"];
  const said = inParts !== "" ? "itemListElement" : step["text"] === undefined ? "name" : "text";
  noteUnread(leftOut, step, ["hearth:machine", said]);
  if (text === "" && machine === undefined) return [];
  return [{ text: marked(text), ...(machine === undefined ? {} : { machine }) }];
}

function readTopics(node: Node, pointer: string, leftOut: Set<string>): string[] {
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
  const distinct = [...new Set(topics.filter((topic) => topic !== ""))];
  if (distinct.length > topicsMax || words.some((word, at) => word.trim() !== "" && topics[at] === ""))
    leftOut.add("keywords");
  return distinct.slice(0, topicsMax);
}

const recipeFields = [
  "name",
  "description",
  "inLanguage",
  "prepTime",
  "cookTime",
  "totalTime",
  "recipeYield",
  "recipeIngredient",
  "recipeInstructions",
  "recipeCategory",
  "recipeCuisine",
  "keywords",
];
/** By the names that pages give some fields too, each read where its own is not there. */
const otherNames = { headline: "name", yield: "recipeYield", ingredients: "recipeIngredient" };

/** Fields of the recipe itself that were not read, and its time where that is more than its parts: resting has no place of its own. */
function unreadOfRecipe(node: Node, { prep_s, cook_s }: RecipeText, total_s: number | undefined): string[] {
  const stoodIn = Object.entries(otherNames).flatMap(([other, own]) => (listOf(node[own]).length === 0 ? [other] : []));
  const isMore = total_s !== undefined && total_s !== (prep_s ?? 0) + (cook_s ?? 0);
  return [...unread(node, [...recipeFields, ...stoodIn]), ...(isMore ? ["totalTime"] : [])];
}

/**
 * Reads a recipe. What schema.org leaves open is taken as pages really write it; markup is stripped, temperatures in steps are marked.
 *
 * @returns refused with the pointer of the field, where it is none or is not as it should be
 */
export function readRecipe(document: unknown): Reading {
  const found = findRecipe(document);
  if (found === null) return { kind: "refused", pointer: "", message: "must hold a Recipe of schema.org" };
  const { node, pointer } = found;
  const leftOut = new Set<string>();
  try {
    const title = textOf(node["name"] ?? node["headline"], `${pointer}/name`, 200);
    if (title === "") throw new Unreadable(`${pointer}/name`, "must be there");
    const steps = readSteps(node["recipeInstructions"] ?? [], `${pointer}/recipeInstructions`, leftOut);
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
    const recipe = { text, topics: readTopics(node, pointer, leftOut), language };
    for (const name of unreadOfRecipe(node, text, total_s)) leftOut.add(name);
    return { kind: "read", recipe, leftOut: [...leftOut].toSorted().slice(0, leftOutMax) };
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
