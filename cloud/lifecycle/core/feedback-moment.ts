/** When households are asked how they like their appliance, and in which words. */
import type { NotableFact } from "../../events/events.ts";
import { ownLanguage, type OwnWords } from "../../platform/own-words.ts";
import type { LifecycleDefinition } from "./definition.ts";

export type Moment = "first_month" | "reward";

/** That a household is to be asked, from and until when. */
export interface ToAsk {
  householdId: string;
  moment: Moment;
  dueAtMs: number;
  untilMs: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Longer than the week in which a household is asked once. */
const askWithinMs = 14 * dayMs;

/** The moment that something which became of a household is, or null. */
export function momentOf(
  { type, atMs, data }: Pick<NotableFact, "type" | "atMs" | "data">,
  { feedback }: LifecycleDefinition,
): ToAsk | null {
  const { householdId } = data;
  if (typeof householdId !== "string") return null;
  const at = (moment: Moment, dueAtMs: number) => ({ householdId, moment, dueAtMs, untilMs: dueAtMs + askWithinMs });
  switch (type) {
    case "hearth.household.device_joined":
    case "hearth.household.device_added":
      return feedback.afterDays === null ? null : at("first_month", atMs + feedback.afterDays * dayMs);
    case "hearth.reward.redeemed":
      // Whoever redeemed something has it in their hands first.
      return feedback.afterReward ? at("reward", atMs + dayMs) : null;
    default:
      return null;
  }
}

const words: OwnWords<Record<Moment, { title: string; text: string }>> = {
  en: {
    first_month: {
      title: "How do you like it?",
      text: "You have had your appliance for a while. How do you like it, from 1 to 5?",
    },
    reward: { title: "Did you like your reward?", text: "How do you like what your points brought you, from 1 to 5?" },
  },
  de: {
    first_month: {
      title: "Wie gefällt es Ihnen?",
      text: "Sie haben Ihr Gerät nun eine Weile. Wie gefällt es Ihnen, von 1 bis 5?",
    },
    reward: {
      title: "Gefällt Ihnen Ihre Prämie?",
      text: "Wie gefällt Ihnen, was Ihre Punkte gebracht haben, von 1 bis 5?",
    },
  },
  fr: {
    first_month: {
      title: "Qu'en pensez-vous ?",
      text: "Vous avez votre appareil depuis quelque temps. Quelle note lui donnez-vous, de 1 à 5 ?",
    },
    reward: {
      title: "Votre cadeau vous plaît-il ?",
      text: "Quelle note donnez-vous à ce que vos points vous ont apporté, de 1 à 5 ?",
    },
  },
  sv: {
    first_month: {
      title: "Vad tycker du?",
      text: "Du har haft din apparat ett tag. Vad tycker du om den, från 1 till 5?",
    },
    reward: {
      title: "Tycker du om din belöning?",
      text: "Vad tycker du om det som dina poäng gav dig, från 1 till 5?",
    },
  },
  "pt-BR": {
    first_month: {
      title: "O que você está achando?",
      text: "Você já tem o seu aparelho há algum tempo. O que está achando dele, de 1 a 5?",
    },
    reward: {
      title: "Gostou da sua recompensa?",
      text: "O que você achou do que seus pontos trouxeram, de 1 a 5?",
    },
  },
  ja: {
    first_month: {
      title: "使い心地はいかがですか",
      text: "機器をお使いになってしばらくたちました。使い心地を 1 から 5 でご評価ください。",
    },
    reward: {
      title: "特典はいかがでしたか",
      text: "ポイントで交換された特典を 1 から 5 でご評価ください。",
    },
  },
};

/** The words of a moment for somebody who reads `locale`, and the language that they are in. */
export function askingWords(moment: Moment, locale: string): { language: string; title: string; text: string } {
  const language = ownLanguage(locale);
  return { language, ...words[language][moment] };
}
