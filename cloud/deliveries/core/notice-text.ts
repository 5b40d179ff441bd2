import { localePattern } from "#protocol/ids.ts";
import { knownZone } from "#protocol/maintenance-window.ts";
import { ownLanguage, type OwnWords } from "../../platform/own-words.ts";

/** What an appliance's people are told before an update. */
export interface UpdateNotice {
  version: string;
  security: boolean;
  /** Nothing begins before. */
  fromMs: number;
  /** Null: it cannot be put off. */
  postponeUntilMsMax: number | null;
  /** It is installed only once somebody agrees. */
  asksFirst: boolean;
}

interface Words {
  title: (version: string) => string;
  securityTitle: (version: string) => string;
  what: (version: string, from: string) => string;
  asks: (version: string, from: string) => string;
  why: string;
  postpone: (until: string) => string;
  noPostpone: string;
  nothingToDo: string;
}

/** In the languages of the models. They speak of `this appliance`, because its own display shows them. */
const texts: OwnWords<Words> = {
  en: {
    title: (version) => `Update ${version} is coming`,
    securityTitle: (version) => `Security update ${version} is coming`,
    what: (version, from) =>
      `Update ${version} will be installed on this appliance after ${from}, when it is neither hot nor running.`,
    asks: (version, from) =>
      `Update ${version} can be installed on this appliance after ${from}, once you agree in your app or at the appliance.`,
    why: "It closes security holes.",
    postpone: (until) => `You can put it off until ${until}, in your app or at the appliance.`,
    noPostpone: "It cannot be put off.",
    nothingToDo: "You need not do anything.",
  },
  de: {
    title: (version) => `Update ${version} steht bevor`,
    securityTitle: (version) => `Sicherheitsupdate ${version} steht bevor`,
    what: (version, from) =>
      `Das Update ${version} wird nach dem ${from} auf diesem Gerät installiert, sobald es weder heiß ist noch läuft.`,
    asks: (version, from) =>
      `Das Update ${version} kann nach dem ${from} auf diesem Gerät installiert werden, sobald Sie in Ihrer App oder am Gerät zustimmen.`,
    why: "Es schließt Sicherheitslücken.",
    postpone: (until) => `Sie können es in Ihrer App oder am Gerät bis zum ${until} verschieben.`,
    noPostpone: "Es lässt sich nicht verschieben.",
    nothingToDo: "Sie müssen nichts tun.",
  },
  fr: {
    title: (version) => `La mise à jour ${version} arrive`,
    securityTitle: (version) => `La mise à jour de sécurité ${version} arrive`,
    what: (version, from) =>
      `La mise à jour ${version} sera installée sur cet appareil après le ${from}, dès qu'il ne sera ni chaud ni en marche.`,
    asks: (version, from) =>
      `La mise à jour ${version} pourra être installée sur cet appareil après le ${from}, dès que vous l'aurez acceptée dans votre application ou sur l'appareil.`,
    why: "Elle corrige des failles de sécurité.",
    postpone: (until) => `Vous pouvez la repousser jusqu'au ${until}, dans votre application ou sur l'appareil.`,
    noPostpone: "Elle ne peut pas être repoussée.",
    nothingToDo: "Vous n'avez rien à faire.",
  },
  sv: {
    title: (version) => `Uppdatering ${version} är på väg`,
    securityTitle: (version) => `Säkerhetsuppdatering ${version} är på väg`,
    what: (version, from) =>
      `Uppdatering ${version} installeras på den här apparaten efter ${from}, när den varken är varm eller igång.`,
    asks: (version, from) =>
      `Uppdatering ${version} kan installeras på den här apparaten efter ${from}, när du har godkänt den i din app eller på apparaten.`,
    why: "Den täpper till säkerhetshål.",
    postpone: (until) => `Du kan skjuta upp den till ${until}, i din app eller på apparaten.`,
    noPostpone: "Den kan inte skjutas upp.",
    nothingToDo: "Du behöver inte göra något.",
  },
  "pt-BR": {
    title: (version) => `A atualização ${version} está a caminho`,
    securityTitle: (version) => `A atualização de segurança ${version} está a caminho`,
    what: (version, from) =>
      `A atualização ${version} será instalada neste aparelho após ${from}, quando ele não estiver quente nem em uso.`,
    asks: (version, from) =>
      `A atualização ${version} poderá ser instalada neste aparelho após ${from}, assim que você concordar no seu aplicativo ou no aparelho.`,
    why: "Ela corrige falhas de segurança.",
    postpone: (until) => `Você pode adiá-la até ${until}, no seu aplicativo ou no aparelho.`,
    noPostpone: "Ela não pode ser adiada.",
    nothingToDo: "Você não precisa fazer nada.",
  },
  ja: {
    title: (version) => `アップデート ${version} のお知らせ`,
    securityTitle: (version) => `セキュリティアップデート ${version} のお知らせ`,
    what: (version, from) =>
      `${from} 以降、本体が熱くなく運転していないときに、アップデート ${version} がこの機器にインストールされます。`,
    asks: (version, from) =>
      `アプリまたは本体で同意すると、${from} 以降にアップデート ${version} がこの機器にインストールされます。`,
    why: "セキュリティ上の問題を修正します。",
    postpone: (until) => `アプリまたは本体で ${until} まで延期できます。`,
    noPostpone: "延期することはできません。",
    nothingToDo: "操作は必要ありません。",
  },
};

const languageOf = (locale: string): string => locale.split("-")[0] ?? "";

/**
 * The message, as an appliance shows it.
 *
 * @param place times are told as the clock on the wall has them, in the household's own way of writing them
 */
export function noticeMessage(notice: UpdateNotice, place: { locale: string; timeZone: string }) {
  const { version, security, fromMs } = notice;
  const locale = ownLanguage(place.locale);
  const words = texts[locale];
  const isOfLanguage = localePattern.test(place.locale) && languageOf(place.locale) === languageOf(locale);
  const timeZone = knownZone(place.timeZone);
  const format = new Intl.DateTimeFormat(isOfLanguage ? place.locale : locale, {
    dateStyle: "long",
    timeStyle: "short",
    timeZone,
  });
  const from = format.format(fromMs);
  const what = (notice.asksFirst ? words.asks : words.what)(version, from);
  const why = security ? [words.why] : [];
  const choice = notice.asksFirst ? [] : [postponeText(words, notice, format), words.nothingToDo];
  return {
    kind: "message" as const,
    // Of a content item, which takes no `+`.
    id: `update-${version.replaceAll(/[^A-Za-z0-9._-]/g, "-")}`.slice(0, 64),
    version: 1,
    locale,
    title: (security ? words.securityTitle : words.title)(version),
    text: [what, ...why, ...choice].join(locale === "ja" ? "" : " "),
  };
}

const postponeText = (words: Words, { postponeUntilMsMax }: UpdateNotice, format: Intl.DateTimeFormat): string =>
  postponeUntilMsMax === null ? words.noPostpone : words.postpone(format.format(postponeUntilMsMax));
