/** How an order came to nothing: the shop said no, or it never answered and nobody knows what it did. */
export type FailedHow = "refused" | "unanswered";

/** What the program says by itself on a display. */
const failed = {
  en: {
    title: "Your order did not work",
    refused: (title: string) => `The shop could not take your order of ${title}. Nothing was charged.`,
    unanswered: (title: string) =>
      `The shop has not answered your order of ${title}, so we have given it up. If you are charged for it all the same, please tell us.`,
    points: "Your points are back.",
  },
  de: {
    title: "Ihre Bestellung hat nicht geklappt",
    refused: (title: string) => `Der Shop konnte Ihre Bestellung „${title}“ nicht annehmen. Es wurde nichts berechnet.`,
    unanswered: (title: string) =>
      `Der Shop hat auf Ihre Bestellung „${title}“ nicht geantwortet, und wir haben sie aufgegeben. Falls sie Ihnen trotzdem berechnet wird, sagen Sie es uns bitte.`,
    points: "Ihre Punkte sind zurück.",
  },
  fr: {
    title: "Votre commande n'a pas abouti",
    refused: (title: string) => `La boutique n'a pas pu prendre votre commande de ${title}. Rien n'a été débité.`,
    unanswered: (title: string) =>
      `La boutique n'a pas répondu à votre commande de ${title}, et nous l'avons abandonnée. Si elle vous est débitée malgré tout, dites-le-nous.`,
    points: "Vos points sont de retour.",
  },
} as const;

type Language = keyof typeof failed;

/** The language of a locale that there are words in; English otherwise. */
export function languageOf(locale: string): Language {
  const [language = ""] = locale.split("-");
  return language === "de" || language === "fr" ? language : "en";
}

/** What an order was for, how it came to nothing, and whether points had been put aside for it. */
export interface FailedOrder {
  title: string;
  how: FailedHow;
  hadPoints: boolean;
}

export function failedOrder(
  language: Language,
  { title, how, hadPoints }: FailedOrder,
): { title: string; text: string } {
  const said = failed[language];
  return { title: said.title, text: `${said[how](title)}${hadPoints ? ` ${said.points}` : ""}` };
}
