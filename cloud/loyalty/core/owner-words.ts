import { ownLanguage, type OwnWords } from "../../platform/own-words.ts";

/** How an order came to nothing: the shop said no, or it never answered and nobody knows what it did. */
export type FailedHow = "refused" | "unanswered";

interface Words extends Record<FailedHow, (title: string) => string> {
  title: string;
  points: string;
}

/** What the program says by itself on a display. */
const failed: OwnWords<Words> = {
  en: {
    title: "Your order did not work",
    refused: (title) => `The shop could not take your order of ${title}. Nothing was charged.`,
    unanswered: (title) =>
      `The shop has not answered your order of ${title}, so we have given it up. If you are charged for it all the same, please tell us.`,
    points: "Your points are back.",
  },
  de: {
    title: "Ihre Bestellung hat nicht geklappt",
    refused: (title) => `Der Shop konnte Ihre Bestellung „${title}“ nicht annehmen. Es wurde nichts berechnet.`,
    unanswered: (title) =>
      `Der Shop hat auf Ihre Bestellung „${title}“ nicht geantwortet, und wir haben sie aufgegeben. Falls sie Ihnen trotzdem berechnet wird, sagen Sie es uns bitte.`,
    points: "Ihre Punkte sind zurück.",
  },
  fr: {
    title: "Votre commande n'a pas abouti",
    refused: (title) => `La boutique n'a pas pu prendre votre commande de ${title}. Rien n'a été débité.`,
    unanswered: (title) =>
      `La boutique n'a pas répondu à votre commande de ${title}, et nous l'avons abandonnée. Si elle vous est débitée malgré tout, dites-le-nous.`,
    points: "Vos points sont de retour.",
  },
  sv: {
    title: "Din beställning gick inte igenom",
    refused: (title) => `Butiken kunde inte ta emot din beställning av ${title}. Inget har debiterats.`,
    unanswered: (title) =>
      `Butiken har inte svarat på din beställning av ${title}, och vi har avbrutit den. Om du ändå debiteras för den, säg till oss.`,
    points: "Dina poäng är tillbaka.",
  },
  "pt-BR": {
    title: "Seu pedido não deu certo",
    refused: (title) => `A loja não conseguiu aceitar o seu pedido de ${title}. Nada foi cobrado.`,
    unanswered: (title) =>
      `A loja não respondeu ao seu pedido de ${title}, e desistimos dele. Se mesmo assim ele for cobrado, avise-nos.`,
    points: "Seus pontos voltaram.",
  },
  ja: {
    title: "ご注文を承れませんでした",
    refused: (title) => `ショップが「${title}」のご注文を承れませんでした。請求は発生していません。`,
    unanswered: (title) =>
      `「${title}」のご注文にショップから応答がなく、ご注文を取り消しました。それでも請求された場合は、お知らせください。`,
    points: "ポイントは戻っています。",
  },
};

/** What an order was for, how it came to nothing, and whether points had been put aside for it. */
export interface FailedOrder {
  title: string;
  how: FailedHow;
  hadPoints: boolean;
}

/** What is said of it to somebody who reads `locale`, and the language that it is in. */
export function failedOrder(
  locale: string,
  { title, how, hadPoints }: FailedOrder,
): { locale: string; title: string; text: string } {
  const language = ownLanguage(locale);
  const said = failed[language];
  const parts = [said[how](title), ...(hadPoints ? [said.points] : [])];
  return { locale: language, title: said.title, text: parts.join(language === "ja" ? "" : " ") };
}
