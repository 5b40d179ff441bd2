/** Rules in words. A definition is read as the API wrote it: each kind has parts of its own. */
import type { Backtest, RuleDefinition, RuleFiring, RuleMode } from "../api/rule-shapes.ts";
import { actText } from "./act-words.ts";
import { conditionWords } from "./condition-words.ts";
import { labelOf, unitOf } from "./metrics.ts";
import { countText, valueText } from "./numbers.ts";
import type { Tone } from "./rollouts.ts";
import { durationText } from "./time.ts";

export const modeWords: Record<RuleMode, { words: string; tone: Tone; help: string }> = {
  live: { words: "Live", tone: "well", help: "What it finds opens cases and does what else the rule says." },
  shadow: { words: "Shadow", tone: "plain", help: "What it finds is noted, and nothing follows." },
  off: { words: "Off", tone: "mind", help: "It looks at nothing." },
};

type WouldBe = Backtest["wouldBe"][number];
type Parts = Readonly<Record<string, unknown>>;

const partsOf = (value: unknown): Parts =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
const listOf = (value: unknown): Parts[] => (Array.isArray(value) ? value.map(partsOf) : []);
const word = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "?";
const time = (value: unknown): string => durationText(typeof value === "number" ? value : 0);
const percent = (value: unknown): string => `${Math.round((typeof value === "number" ? value : 0) * 100)} %`;

/** A metric by its name, as the rest of the console says it: `cavity_c` is the cavity, in °C. */
const quantity = (metric: unknown): string => labelOf(word(metric)).toLowerCase();
const amount = (value: unknown, metric: unknown): string =>
  typeof value === "number" ? valueText(value, unitOf(word(metric))) : word(value);

const programFact = new Map([["program", "the program"]]);

/** After `no` or `the last`: `finished program`. */
const bareEvent = (selector: unknown): string => eventWords(selector).replace(/^an? /, "");

/** An event, and the condition that it must meet. */
function eventWords(selector: unknown): string {
  const { type, where } = partsOf(selector);
  const name = { "connection:opened": "a connection", "connection:closed": "a lost connection" }[word(type)];
  const condition = where === undefined ? "" : ` (where ${conditionWords(word(where), programFact) ?? word(where)})`;
  return `${name ?? actText(word(type))}${condition}`;
}

function featureWords(feature: Parts): string {
  if (feature["kind"] === "rise")
    return `how fast ${quantity(feature["metric"])} rises from ${amount(feature["from"], feature["metric"])} to ${amount(feature["to"], feature["metric"])}`;
  if (feature["kind"] === "rate") {
    const per = word(partsOf(feature["per"])["metric"]);
    return `how much ${quantity(feature["metric"])} it takes for each ${unitOf(per)} of ${quantity(per)}`;
  }
  return `the mean of ${quantity(feature["metric"])}`;
}

function absenceWords(of: Parts): string {
  if (of["kind"] === "anything") return "Nothing at all is heard from the appliance";
  if (of["kind"] === "metric") return `No reading of ${quantity(of["metric"])} comes`;
  return `No ${bareEvent(of["event"])} comes`;
}

/** Which faults: ` (E1 or E2)`, ` (any but E3)`, and nothing where it is all of them. */
function faultWords({ codes, notCodes }: Parts): string {
  const only = Array.isArray(codes) ? codes.map(word).join(" or ") : "";
  const but = Array.isArray(notCodes) ? `any but ${notCodes.map(word).join(" and ")}` : "";
  const all = [only, but].filter((words) => words !== "").join(", ");
  return all === "" ? "" : ` (${all})`;
}

const sentences: Readonly<Record<string, (rule: Parts) => string>> = {
  threshold: (rule) =>
    `${quantity(rule["metric"])} stays ${word(rule["direction"])} ${amount(rule["limit"], rule["metric"])} for ${time(rule["holdMs"])}; it is over when it is back at ${amount(rule["clearAt"], rule["metric"])}.`,
  fault: (rule) => `The appliance itself raises a fault${faultWords(rule)}; it is over when the appliance clears it.`,
  frozen: (rule) => {
    const driver = partsOf(rule["driver"]);
    return `${quantity(rule["metric"])} does not move by ${amount(rule["withinDelta"], rule["metric"])} for ${time(rule["holdMs"])} while ${quantity(driver["metric"])} is above ${amount(driver["above"], driver["metric"])}.`;
  },
  count: (rule) =>
    `${eventWords(rule["event"])} comes ${word(rule["count"])} times within ${time(rule["windowMs"])}; it is over after ${time(rule["quietMs"])} without.`,
  sequence: (rule) =>
    `${listOf(rule["events"]).map(eventWords).join(", then ")} within ${time(rule["withinMs"])}${rule["without"] === undefined ? "" : `, without ${eventWords(rule["without"])} between`}.`,
  absence: (rule) => `${absenceWords(partsOf(rule["of"]))} for ${time(rule["forMs"])}.`,
  accumulate: (rule) =>
    `${rule["field"] === undefined ? "The count" : `The sum of ${word(rule["field"])}`} of ${eventWords(rule["add"])} reaches ${word(rule["limit"])} since the last ${bareEvent(rule["reset"])}.`,
  trend: (rule) =>
    `From ${eventWords(rule["from"])} to ${eventWords(rule["to"])}, ${featureWords(partsOf(rule["feature"]))} lies ${percent(rule["share"])} ${word(rule["direction"])} the appliance’s own first ${word(rule["baselineEpisodes"])} for the last ${word(rule["episodes"])}.`,
};

/** What a rule watches for, in a sentence. */
export function ruleSentence(rule: RuleDefinition): string {
  const said = (sentences[rule.kind] ?? (() => `A rule of the kind ${rule.kind}.`))(partsOf(rule));
  const models = rule.models === undefined ? "" : ` On ${rule.models.join(", ")} alone.`;
  // Names of events are written as they are.
  const isName = /[._]/.test(said.split(" ")[0] ?? "");
  return (isName ? said : said.charAt(0).toUpperCase() + said.slice(1)) + models;
}

/** What follows when the cause comes, each as the end of "When it comes, it …". */
export function actionWords(action: { kind: string }): string {
  const parts = partsOf(action);
  switch (action.kind) {
    case "case":
      return "opens a case";
    case "event":
      return "tells whoever listens to events";
    case "tag":
      return `tags the appliance ${word(parts["tag"])}`;
    case "command":
      return `sends the command ${word(parts["name"])}`;
    case "award_points":
      return `gives the household ${word(parts["points"])} points for “${word(parts["title"])}”`;
    case "send_content":
      return `sends the item ${word(parts["itemId"])}`;
    default:
      return `does ${action.kind}`;
  }
}

/** What would have followed, had a rule been in force. */
export function wouldBeWords({ kind, times, points, what }: WouldBe): string {
  const count = (one: string, many: string) => `${countText(times)} ${times === 1 ? one : many}`;
  switch (kind) {
    case "case":
      return `${count("case", "cases")} opened or reopened`;
    case "event":
      return count("event", "events");
    case "tag":
      return `the tag ${what ?? ""} put on ${count("time", "times")}`;
    case "command":
      return `${count("command", "commands")} ${what ?? ""}`;
    case "award_points":
      return `${countText(points ?? 0)} points, ${count("time", "times")}`;
    case "send_content":
      return `the item ${what ?? ""} sent ${count("time", "times")}`;
    default:
      return `${kind}, ${count("time", "times")}`;
  }
}

const outcomeWords: Readonly<Record<string, string>> = {
  earned: "earned",
  sent: "sent",
  earned_already: "earned before, and not again",
  stood_already: "not again: it stood already",
  nobody_had_it: "for nobody: no household had the appliance then",
  cleared: "not sent: it was over before",
  too_old: "not sent: it is too long ago",
  not_sendable: "not sent: the item is not out",
  not_yet: "not sent: the item is not out yet",
  over: "not sent: the item’s time is over",
  class_not_allowed: "not sent: a rule may not send items of its class",
};

/** What became of what a firing left to be done. */
export const doneWords = ({ kind, outcome, points }: RuleFiring["done"][number]): string =>
  `${kind === "award_points" ? `${countText(points ?? 0)} points` : "Content"}: ${outcomeWords[outcome] ?? outcome.replaceAll("_", " ")}`;

/** The metrics that a rule looks at, as far as it names them; a chart of its firings shows these. */
export function metricsRead(rule: RuleDefinition): string[] {
  const parts = partsOf(rule);
  const feature = partsOf(parts["feature"]);
  const named = [
    parts["metric"],
    partsOf(parts["driver"])["metric"],
    feature["metric"],
    partsOf(feature["per"])["metric"],
    partsOf(parts["of"])["metric"],
  ];
  return [...new Set(named.filter((name) => typeof name === "string"))];
}

export interface WrongPlace {
  /** `event / where`, or nothing for the whole. */
  place: string;
  message: string;
  /** Where in the text, from 1; null where it cannot be told. */
  line: number | null;
}

/** Where in a JSON text the part stands that a path leads to: the line of the last name of the path that is found in order. */
export function lineOf(text: string, path: readonly string[]): number | null {
  let from = 0;
  let found = false;
  for (const name of path) {
    const at = text.indexOf(`"${name}"`, from);
    if (at === -1) continue;
    from = at;
    found = true;
  }
  return found ? text.slice(0, from).split("\n").length : null;
}

/** What the service found wrong with a definition, each at its place in the text. */
export const wrongPlaces = (
  text: string,
  fields: readonly { pointer: string; message: string }[],
  within: string,
): WrongPlace[] =>
  fields.map(({ pointer, message }) => {
    const path = pointer.split("/").filter((part) => part !== "" && part !== "body" && part !== within);
    return { place: path.join(" / "), message, line: lineOf(text, path) };
  });

/** Where a JSON text cannot be read, in words with the line; null where it can. */
export function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "It cannot be read.";
  }
}

/** What a text says as it is written; null while it is no definition. */
export function readDefinition(text: string): object | null {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === "object" ? said : null;
  } catch {
    return null;
  }
}

/** As the API takes it: without what it fills in anyway, set out to be read. */
export const definitionText = (definition: unknown): string => JSON.stringify(definition, null, 2);
