import { ownLanguage, type OwnWords } from "../../platform/own-words.ts";

interface Words {
  title: (tier: string) => string;
  text: (tier: string, date: string, points: string) => string;
}

/** What the program says by itself of a tier that is about to end. */
const ending: OwnWords<Words> = {
  en: {
    title: (tier) => `Your tier ${tier} is about to end`,
    text: (tier, date, points) =>
      `You have ${tier} until ${date}. Points that you still need by then to keep it: ${points}.`,
  },
  de: {
    title: (tier) => `Ihre Stufe ${tier} endet bald`,
    text: (tier, date, points) =>
      `Sie haben ${tier} bis zum ${date}. Punkte, die Ihnen bis dahin noch fehlen, um sie zu behalten: ${points}.`,
  },
  fr: {
    title: (tier) => `Votre niveau ${tier} se termine bientôt`,
    text: (tier, date, points) =>
      `Vous avez ${tier} jusqu'au ${date}. Points qui vous manquent d'ici là pour le garder : ${points}.`,
  },
  sv: {
    title: (tier) => `Din nivå ${tier} tar snart slut`,
    text: (tier, date, points) =>
      `Du har ${tier} till och med ${date}. Poäng som fattas till dess för att behålla den: ${points}.`,
  },
  "pt-BR": {
    title: (tier) => `Seu nível ${tier} está para terminar`,
    text: (tier, date, points) => `Você tem ${tier} até ${date}. Pontos que faltam até lá para mantê-lo: ${points}.`,
  },
  ja: {
    title: (tier) => `ランク「${tier}」がまもなく終了します`,
    text: (tier, date, points) => `「${tier}」は${date}までです。維持するために必要な残りのポイント：${points}。`,
  },
};

/** What is said to somebody who reads `locale`, and the language that it is in; the date by their own calendar. */
export function tierEnding(
  locale: string,
  { tier, untilMs, timeZone, points }: { tier: string; untilMs: number; timeZone: string; points: number },
): { locale: string; title: string; text: string } {
  const language = ownLanguage(locale);
  const date = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone }).format(untilMs);
  const said = ending[language];
  return {
    locale: language,
    title: said.title(tier),
    text: said.text(tier, date, new Intl.NumberFormat(language).format(points)),
  };
}
