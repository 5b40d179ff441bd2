/** What the service says by itself, in the languages of the models. */
import { localePattern } from "#protocol/ids.ts";
import { ownLanguage, type OwnWords } from "../../platform/own-words.ts";

interface Words {
  answer: string;
  automatic: string;
  /** After an automatic answer. */
  askHuman: string;
  noted: string;
  late: string;
  lateText: string;
  feedback: string;
  feedbackText: string;
  alternatives: { call_back: string; self_help: string; technician: string };
}

const texts: OwnWords<Words> = {
  en: {
    answer: "Answer from support",
    automatic: "A first answer",
    askHuman: "This answer came automatically. If it does not help, ask for a person.",
    noted: "Your message has arrived. A person will answer.",
    late: "We may be late",
    lateText:
      "We have not solved this yet and may need longer than we said. In your app you can choose a call-back, instructions to help yourself, or a technician.",
    feedback: "Did we help?",
    feedbackText: "Your case is closed. How well did we help you, from 1 to 5?",
    alternatives: { call_back: "Call me back", self_help: "Send me instructions", technician: "Send a technician" },
  },
  de: {
    answer: "Antwort vom Kundendienst",
    automatic: "Eine erste Antwort",
    askHuman: "Diese Antwort kam automatisch. Wenn sie nicht hilft, fragen Sie nach einem Menschen.",
    noted: "Ihre Nachricht ist angekommen. Ein Mensch wird antworten.",
    late: "Es könnte länger dauern",
    lateText:
      "Wir haben das noch nicht gelöst und brauchen vielleicht länger als zugesagt. In Ihrer App können Sie einen Rückruf, eine Anleitung oder einen Techniker wählen.",
    feedback: "Haben wir geholfen?",
    feedbackText: "Ihr Fall ist abgeschlossen. Wie gut haben wir Ihnen geholfen, von 1 bis 5?",
    alternatives: {
      call_back: "Rufen Sie mich zurück",
      self_help: "Schicken Sie mir eine Anleitung",
      technician: "Schicken Sie einen Techniker",
    },
  },
  fr: {
    answer: "Réponse du service client",
    automatic: "Une première réponse",
    askHuman: "Cette réponse est automatique. Si elle ne vous aide pas, demandez une personne.",
    noted: "Votre message est arrivé. Une personne vous répondra.",
    late: "Nous risquons d'être en retard",
    lateText:
      "Nous n'avons pas encore résolu ce problème et il nous faudra peut-être plus de temps que prévu. Dans votre application, vous pouvez choisir un rappel, des instructions ou un technicien.",
    feedback: "Vous avons-nous aidé ?",
    feedbackText: "Votre dossier est clos. À quel point vous avons-nous aidé, de 1 à 5 ?",
    alternatives: {
      call_back: "Rappelez-moi",
      self_help: "Envoyez-moi des instructions",
      technician: "Envoyez un technicien",
    },
  },
  sv: {
    answer: "Svar från kundtjänst",
    automatic: "Ett första svar",
    askHuman: "Det här svaret kom automatiskt. Om det inte hjälper, be om en människa.",
    noted: "Ditt meddelande har kommit fram. En människa kommer att svara.",
    late: "Vi kan bli sena",
    lateText:
      "Vi har inte löst det här än och kan behöva längre tid än vi sa. I din app kan du välja att bli uppringd, få instruktioner eller få besök av en tekniker.",
    feedback: "Hjälpte vi dig?",
    feedbackText: "Ditt ärende är avslutat. Hur bra hjälpte vi dig, från 1 till 5?",
    alternatives: { call_back: "Ring mig", self_help: "Skicka instruktioner", technician: "Skicka en tekniker" },
  },
  "pt-BR": {
    answer: "Resposta do suporte",
    automatic: "Uma primeira resposta",
    askHuman: "Esta resposta é automática. Se ela não ajudar, peça para falar com uma pessoa.",
    noted: "Sua mensagem chegou. Uma pessoa vai responder.",
    late: "Podemos nos atrasar",
    lateText:
      "Ainda não resolvemos isto e talvez precisemos de mais tempo do que dissemos. No seu aplicativo você pode escolher um retorno por telefone, instruções ou um técnico.",
    feedback: "Nós ajudamos?",
    feedbackText: "Seu caso foi encerrado. Quão bem ajudamos você, de 1 a 5?",
    alternatives: { call_back: "Liguem para mim", self_help: "Enviem instruções", technician: "Enviem um técnico" },
  },
  ja: {
    answer: "サポートからの回答",
    automatic: "最初の回答",
    askHuman: "これは自動回答です。解決しない場合は、担当者をお呼びください。",
    noted: "メッセージを受け取りました。担当者が回答します。",
    late: "回答が遅れる可能性があります",
    lateText:
      "まだ解決しておらず、お約束より時間がかかる可能性があります。アプリで、折り返しの電話、ご自身での対処方法、技術者の訪問を選べます。",
    feedback: "お役に立てましたか",
    feedbackText: "お問い合わせは完了しました。1 から 5 でご評価ください。",
    alternatives: {
      call_back: "電話をください",
      self_help: "対処方法を送ってください",
      technician: "技術者を呼んでください",
    },
  },
};

/** The words for somebody who reads `locale`. */
export const ownerWords = (locale: string): Words => texts[ownLanguage(locale)];

export const alternativeKinds = ["call_back", "self_help", "technician"] as const;

/** UTF-16 units of a message on a display; the rest is read in the app. */
export const displayCharsMax = 1_000;

/** A text as the display shows it: what does not fit ends in an ellipsis, and no character is cut in half. */
export function forDisplay(text: string): string {
  if (text.length <= displayCharsMax) return text;
  const cut = text.slice(0, displayCharsMax - 1);
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`;
}

/** What goes to the appliance. `id` is its own subject, so that no message replaces another. */
export const displayMessage = (message: {
  id: string;
  caseId: string;
  locale: string;
  title: string;
  text: string;
  ask?: "feedback" | "human";
}) => ({
  kind: "message" as const,
  id: message.id,
  version: 1,
  locale: localePattern.test(message.locale) ? message.locale : "en",
  title: message.title.slice(0, 200),
  text: forDisplay(message.text),
  caseId: message.caseId,
  ...(message.ask === undefined ? {} : { ask: message.ask }),
});
