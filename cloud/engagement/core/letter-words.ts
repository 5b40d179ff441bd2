/** Why somebody gets a letter: it concerns the appliance, the household agreed to such letters, or it is about its points. */
export type LetterReason = "appliance" | "agreed" | "points";

interface LetterWords {
  why: Record<LetterReason, string>;
  noMore: string;
  /** The page that asks before letters are stopped. */
  ask: { title: string; text: string; button: string };
  done: { title: string; text: string };
}

const words = {
  en: {
    why: {
      appliance: "You get this because it concerns your appliance.",
      agreed: "You get this because your household agreed to letters about offers and ideas.",
      points: "You get this because it is about your household's points.",
    },
    noMore: "No more letters like this",
    ask: {
      title: "No more letters like that?",
      text: "We stop writing to this address about offers, ideas and points. What concerns the safety of your appliance still reaches you.",
      button: "Stop these letters",
    },
    done: { title: "Done", text: "This address gets no more letters about offers, ideas and points." },
  },
  de: {
    why: {
      appliance: "Sie erhalten dies, weil es Ihr Gerät betrifft.",
      agreed: "Sie erhalten dies, weil Ihr Haushalt Briefen mit Angeboten und Ideen zugestimmt hat.",
      points: "Sie erhalten dies, weil es um die Punkte Ihres Haushalts geht.",
    },
    noMore: "Keine solchen Briefe mehr",
    ask: {
      title: "Keine solchen Briefe mehr?",
      text: "Wir schreiben an diese Adresse nichts mehr über Angebote, Ideen und Punkte. Was die Sicherheit Ihres Geräts betrifft, erreicht Sie weiterhin.",
      button: "Diese Briefe beenden",
    },
    done: { title: "Erledigt", text: "An diese Adresse gehen keine Briefe über Angebote, Ideen und Punkte mehr." },
  },
  fr: {
    why: {
      appliance: "Vous recevez ceci parce que cela concerne votre appareil.",
      agreed: "Vous recevez ceci parce que votre foyer a accepté les lettres sur les offres et les idées.",
      points: "Vous recevez ceci parce qu'il s'agit des points de votre foyer.",
    },
    noMore: "Ne plus recevoir de telles lettres",
    ask: {
      title: "Ne plus recevoir de telles lettres ?",
      text: "Nous n'écrirons plus à cette adresse au sujet d'offres, d'idées et de points. Ce qui touche à la sécurité de votre appareil vous parviendra toujours.",
      button: "Arrêter ces lettres",
    },
    done: {
      title: "C'est fait",
      text: "Cette adresse ne reçoit plus de lettres sur les offres, les idées et les points.",
    },
  },
} as const satisfies Record<string, LetterWords>;

export type LetterLanguage = keyof typeof words;

/** The first of the languages named in which there are words; English where there are in none. */
export function letterLanguage(...locales: readonly string[]): LetterLanguage {
  for (const locale of locales) {
    const language = locale.trim().slice(0, 2).toLowerCase();
    if (language === "en" || language === "de" || language === "fr") return language;
  }
  return "en";
}

export const letterWords = (language: LetterLanguage): LetterWords => words[language];
