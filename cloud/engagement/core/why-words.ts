/** Why a household got something, as it reads it itself, in the languages of the models. */
import { ownLanguage, type OwnWords } from "../../platform/own-words.ts";
import type { TraceLine } from "./decide.ts";
import type { ItemClass } from "./policy.ts";
import type { Term } from "./score.ts";

/** What it rests on, when it came, and what made it fit; the last ones are learnt from what the household did. */
type Ground =
  | "safety"
  | "appliance"
  | "agreed"
  | "points"
  | "best_hour"
  | "cooks_this"
  | "saved"
  | "looked_for"
  | "chose_this";

const words: OwnWords<Record<Ground, string>> = {
  en: {
    safety: "It concerns the safety of your appliance.",
    appliance: "It concerns your appliance.",
    agreed: "Your household agreed to offers and ideas.",
    points: "It is about your household's points.",
    best_hour: "It came at the hour in which you cook most.",
    cooks_this: "You cook things like this.",
    saved: "You saved this or something like it.",
    looked_for: "You looked for something like this.",
    chose_this: "You chose to hear of this.",
  },
  de: {
    safety: "Es betrifft die Sicherheit Ihres Geräts.",
    appliance: "Es betrifft Ihr Gerät.",
    agreed: "Ihr Haushalt hat Angeboten und Ideen zugestimmt.",
    points: "Es geht um die Punkte Ihres Haushalts.",
    best_hour: "Es kam zu der Stunde, in der Sie am meisten kochen.",
    cooks_this: "Sie kochen Ähnliches.",
    saved: "Sie haben dies oder Ähnliches gespeichert.",
    looked_for: "Sie haben nach Ähnlichem gesucht.",
    chose_this: "Sie haben dieses Thema gewählt.",
  },
  fr: {
    safety: "Cela concerne la sécurité de votre appareil.",
    appliance: "Cela concerne votre appareil.",
    agreed: "Votre foyer a accepté les offres et les idées.",
    points: "Il s'agit des points de votre foyer.",
    best_hour: "C'est arrivé à l'heure où vous cuisinez le plus.",
    cooks_this: "Vous cuisinez des choses semblables.",
    saved: "Vous avez enregistré ceci ou quelque chose de semblable.",
    looked_for: "Vous avez cherché quelque chose de semblable.",
    chose_this: "Vous avez choisi ce sujet.",
  },
  sv: {
    safety: "Det gäller din apparats säkerhet.",
    appliance: "Det gäller din apparat.",
    agreed: "Ditt hushåll har sagt ja till erbjudanden och idéer.",
    points: "Det gäller ditt hushålls poäng.",
    best_hour: "Det kom vid den timme då du lagar mest mat.",
    cooks_this: "Du lagar liknande saker.",
    saved: "Du har sparat detta eller något liknande.",
    looked_for: "Du har letat efter något liknande.",
    chose_this: "Du har valt det här ämnet.",
  },
  "pt-BR": {
    safety: "Diz respeito à segurança do seu aparelho.",
    appliance: "Diz respeito ao seu aparelho.",
    agreed: "Sua casa aceitou ofertas e ideias.",
    points: "Trata-se dos pontos da sua casa.",
    best_hour: "Chegou na hora em que você mais cozinha.",
    cooks_this: "Você cozinha coisas parecidas.",
    saved: "Você salvou isto ou algo parecido.",
    looked_for: "Você procurou algo parecido.",
    chose_this: "Você escolheu este assunto.",
  },
  ja: {
    safety: "お使いの機器の安全に関するものです。",
    appliance: "お使いの機器に関するものです。",
    agreed: "ご家庭がおすすめやアイデアに同意されています。",
    points: "ご家庭のポイントに関するものです。",
    best_hour: "最もよくお料理される時間にお届けしました。",
    cooks_this: "似たお料理をよく作られています。",
    saved: "これ、または似たものを保存されています。",
    looked_for: "似たものを探されました。",
    chose_this: "このテーマを選ばれています。",
  },
};

const basisOf: Record<ItemClass, Ground> = {
  safety: "safety",
  security: "safety",
  recall: "safety",
  service: "appliance",
  requested: "appliance",
  loyalty_status: "points",
  promotional: "agreed",
};

const learntGrounds = ["chose_this", "saved", "looked_for", "cooks_this"] as const;

/**
 * A sentence or two. Names nobody and nothing but what the household itself did.
 *
 * @param trace null where it is no longer kept: then what it rests on is all that is said
 * @param mayTellHabits whether the household agrees now that what it does is used to choose for it
 */
export function whyWords(
  itemClass: ItemClass,
  trace: { tests: readonly TraceLine[]; terms: readonly Term[] } | null,
  mayTellHabits: boolean,
  locale: string,
): string {
  const said = words[ownLanguage(locale)];
  const basis = said[basisOf[itemClass]];
  if (trace === null || !mayTellHabits) return basis;
  const [first] = trace.terms
    .filter(({ points }) => points > 0)
    .toSorted((a, b) => b.points - a.points)
    .flatMap(({ term }) => learntGrounds.find((ground) => ground === term) ?? []);
  if (first !== undefined) return `${basis} ${said[first]}`;
  return trace.tests.some(({ says }) => says === "best_hour") ? `${basis} ${said.best_hour}` : basis;
}
