import type { Calendar } from "./calendar.ts";
import type { Candidate, Circumstances, HouseholdState, Interest } from "./candidate.ts";

/** One reason why an item suits a household better or worse, as it is read in the trace. */
export interface Term {
  /** Where it is from: what the household looked for, where it is now, what it did before. */
  from: "intent" | "context" | "history";
  term: string;
  points: number;
  about?: string;
}

const oldMs = 180 * 86_400_000;
/** A program that began longer ago has ended, whatever was heard of it. */
const programMsMax = 12 * 3_600_000;

/** Zones south of the tenth parallel, where summer begins in December. */
const southern = new RegExp(
  `^(${[
    "(Antarctica|Australia|America/Argentina)/.+",
    "Africa/(Blantyre|Gaborone|Harare|Johannesburg|Lubumbashi|Lusaka|Maputo|Maseru|Mbabane|Windhoek)",
    "America/(Asuncion|Bahia|Buenos_Aires|Campo_Grande|Coyhaique|Cuiaba|La_Paz|Lima)",
    "America/(Montevideo|Punta_Arenas|Santiago|Sao_Paulo)",
    "Atlantic/(South_Georgia|St_Helena|Stanley)",
    "Indian/(Antananarivo|Comoro|Mauritius|Mayotte|Reunion)",
    "Pacific/(Apia|Auckland|Chatham|Easter|Efate|Fiji|Norfolk|Noumea|Pago_Pago|Rarotonga|Tahiti|Tongatapu)",
  ].join("|")})$`,
);
const seasons = ["winter", "spring", "summer", "autumn"] as const;

function seasonOf(month: number, timeZone: string): string {
  const north = Math.floor((month % 12) / 3);
  return seasons[southern.test(timeZone) ? (north + 2) % 4 : north] ?? "winter";
}

const mealOf = (hour: number): string | null =>
  hour >= 5 && hour < 10 ? "breakfast" : hour >= 10 && hour < 14 ? "lunch" : hour >= 16 && hour < 21 ? "dinner" : null;

/** Topics of one item that count because the household chose them: an author who names many wins nothing by it. */
const chosenMax = 2;

/** How well an item suits a household, and why. Choices, habits and interests count only where the household agreed to that. */
export function scoreOf(
  candidate: Candidate,
  household: HouseholdState,
  { models }: Circumstances,
  calendar: Calendar,
): { score: number; terms: Term[] } {
  const terms = [...contextTerms(candidate, household, models, calendar)];
  if (household.consents.includes("personalise")) {
    const chosen = new Set(candidate.topics.filter((topic) => household.chosen?.includes(topic) === true));
    for (const topic of [...chosen].slice(0, chosenMax))
      terms.push({ from: "intent", term: "chose_this", points: 3, about: `topic:${topic}` });
    const about = new Set([`item:${candidate.itemId}`, ...candidate.topics.map((topic) => `topic:${topic}`)]);
    for (const interest of household.interests) {
      if (!about.has(interest.subject) || calendar.nowMs - interest.lastAtMs > oldMs) continue;
      terms.push(...interestTerms(interest));
    }
    const { cookingSinceMs } = household;
    if (cookingSinceMs !== null && calendar.nowMs - cookingSinceMs < programMsMax)
      terms.push({ from: "context", term: "cooking_now", points: 1 });
  }
  return { score: terms.reduce((sum, { points }) => sum + points, 0), terms };
}

function* contextTerms(
  { topics, needs }: Candidate,
  { timeZone, devices }: HouseholdState,
  models: Circumstances["models"],
  calendar: Calendar,
): Iterable<Term> {
  const { month, hour } = calendar.local(timeZone);
  const season = seasonOf(month, timeZone);
  if (topics.includes(season)) yield { from: "context", term: "season", points: 1, about: season };
  const meal = mealOf(hour);
  if (meal !== null && topics.includes(meal)) yield { from: "context", term: "time_of_day", points: 1, about: meal };
  for (const special of ["steam", "probe"] as const) {
    if (needs[special] && devices.some(({ model }) => models[model]?.[special] === true))
      yield { from: "context", term: "uses_its_appliance", points: 1, about: special };
  }
}

const most = (count: number, weight: number, limit: number): number =>
  weight < 0 ? Math.max(-limit, count * weight) : Math.min(limit, count * weight);

/** What one interest is worth. Each kind is bounded, so that no habit drowns all others. */
export function interestTerms({ subject, ...counts }: Interest): Term[] {
  const isItem = subject.startsWith("item:");
  const terms: Term[] = [
    { from: "intent", term: "saved", points: most(counts.saved, 3, 6), about: subject },
    { from: "intent", term: "looked_for", points: most(counts.searched, 1, 3), about: subject },
    // What was cooked once is known already; what is like it is liked.
    isItem
      ? { from: "history", term: "cooked_before", points: most(counts.cooked, -1, 3), about: subject }
      : { from: "history", term: "cooks_this", points: most(counts.cooked, 1, 4), about: subject },
    { from: "history", term: "gave_up", points: most(counts.aborted, -1, 3), about: subject },
    { from: "history", term: "ignored", points: most(counts.ignored, -1, 4), about: subject },
    ...(isItem ? [{ from: "history" as const, term: "seen", points: most(counts.shown, -1, 3), about: subject }] : []),
  ];
  return terms.filter(({ points }) => points !== 0);
}
