import { type OwnLanguage, ownLanguage, type OwnWords } from "../../platform/own-words.ts";

/** Why somebody gets a letter: it concerns the appliance, the household agreed to such letters, or it is about its points. */
export type LetterReason = "appliance" | "agreed" | "points";

interface LetterWords {
  why: Record<LetterReason, string>;
  noMore: string;
  /** The page that asks before letters are stopped, and what it says after. */
  ask: { title: string; text: string; button: string };
  done: { title: string; text: string };
}

/** What letters and the page behind their link say by themselves. */
export const letterWords: OwnWords<LetterWords> = {
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
  sv: {
    why: {
      appliance: "Du får detta eftersom det gäller din apparat.",
      agreed: "Du får detta eftersom ditt hushåll har sagt ja till brev om erbjudanden och idéer.",
      points: "Du får detta eftersom det gäller ditt hushålls poäng.",
    },
    noMore: "Inga fler sådana brev",
    ask: {
      title: "Inga fler sådana brev?",
      text: "Vi slutar skriva till den här adressen om erbjudanden, idéer och poäng. Det som gäller din apparats säkerhet når dig ändå.",
      button: "Stoppa dessa brev",
    },
    done: { title: "Klart", text: "Den här adressen får inga fler brev om erbjudanden, idéer och poäng." },
  },
  "pt-BR": {
    why: {
      appliance: "Você recebe isto porque diz respeito ao seu aparelho.",
      agreed: "Você recebe isto porque sua casa aceitou mensagens sobre ofertas e ideias.",
      points: "Você recebe isto porque se trata dos pontos da sua casa.",
    },
    noMore: "Não receber mais mensagens assim",
    ask: {
      title: "Não receber mais mensagens assim?",
      text: "Deixaremos de escrever a este endereço sobre ofertas, ideias e pontos. O que diz respeito à segurança do seu aparelho continua chegando a você.",
      button: "Parar estas mensagens",
    },
    done: { title: "Pronto", text: "Este endereço não recebe mais mensagens sobre ofertas, ideias e pontos." },
  },
  ja: {
    why: {
      appliance: "お使いの機器に関する大切なお知らせのため、お送りしています。",
      agreed: "おすすめやアイデアのお便りに同意いただいているため、お送りしています。",
      points: "ご家庭のポイントに関するお知らせのため、お送りしています。",
    },
    noMore: "このようなお便りを停止する",
    ask: {
      title: "このようなお便りを停止しますか。",
      text: "今後、このアドレスにはおすすめ・アイデア・ポイントに関するお便りをお送りしません。機器の安全に関するお知らせは引き続きお届けします。",
      button: "お便りを停止する",
    },
    done: {
      title: "停止しました",
      text: "このアドレスには、おすすめ・アイデア・ポイントに関するお便りをお送りしません。",
    },
  },
};

/** The language of the page for a browser that asks for these, the dearest first: it names them in this order. */
export function pageLanguage(acceptLanguage: string): OwnLanguage {
  for (const asked of acceptLanguage.split(",")) {
    const [tag = ""] = asked.trim().split(";");
    const found = ownLanguage(tag);
    if (found !== "en" || tag.toLowerCase().startsWith("en")) return found;
  }
  return "en";
}
