/** What the program says by itself on a display. */
const failed = {
  en: (title: string) => ({
    title: "Your order did not work",
    text: `The shop could not take your order of ${title}. Nothing was charged, and your points are back.`,
  }),
  de: (title: string) => ({
    title: "Ihre Bestellung hat nicht geklappt",
    text: `Der Shop konnte Ihre Bestellung „${title}“ nicht annehmen. Es wurde nichts berechnet, und Ihre Punkte sind zurück.`,
  }),
  fr: (title: string) => ({
    title: "Votre commande n'a pas abouti",
    text: `La boutique n'a pas pu prendre votre commande de ${title}. Rien n'a été débité, et vos points sont de retour.`,
  }),
} as const;

type Language = keyof typeof failed;

/** The language of a locale that there are words in; English otherwise. */
export function languageOf(locale: string): Language {
  const [language = ""] = locale.split("-");
  return language === "de" || language === "fr" ? language : "en";
}

export const failedOrder = (language: Language, title: string): { title: string; text: string } =>
  failed[language](title);
