import type { Model } from "#protocol/model.ts";
import type { DeviceRef, DeviceRow } from "../devices/devices.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import type { ServiceCase } from "./case-row.ts";
import { type AnswerTemplate, fillTemplate, type Filling } from "./core/answer-template.ts";
import { type CauseDefinition, inLocale } from "./core/cause-article.ts";
import { fixedInNow } from "./case-row.ts";
import type { ServiceDocument, ServiceDocuments } from "./service-documents.ts";

/** What a case's texts and evidence need of the registry. */
export interface KnownAppliances {
  find(ids: readonly string[]): Promise<Map<string, DeviceRef>>;
  get(id: string): Promise<DeviceRow | null>;
  model(key: string): Promise<Model | null>;
}

/** What happened at a device, newest first. */
export type EventsOf = (device: DeviceRef, page: TimelinePage) => Promise<TimelineEntry[]>;

export interface AnswersDeps {
  causes: ServiceDocuments<CauseDefinition>;
  answers: ServiceDocuments<AnswerTemplate>;
  appliances: KnownAppliances;
  eventsOf: EventsOf;
  /** The language of the household that has a device; null where nobody has it. */
  localeOf: (device: DeviceRef) => Promise<string | null>;
}

export interface FilledAnswer {
  key: string;
  title: string;
  /** Meant for causes like this one. */
  suggested: boolean;
  locale: string;
  text: string;
  /** What the text names and the case does not have. */
  missing: string[];
}

/** How far back the program is looked for that ran when the case was opened. */
const eventsLookedAt = 200;

/** Answers that staff keep, filled in for a case. */
export class Answers {
  readonly #deps: AnswersDeps;

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  /** What is known of a case's cause: for its model, or for every model. */
  causeOf({ cause, model }: Pick<ServiceCase, "cause" | "model">): Promise<ServiceDocument<CauseDefinition> | null> {
    return this.#deps.causes.find(cause, model);
  }

  /**
   * All answers for a case, those meant for its cause first.
   *
   * @param wanted a language; without it, the household's
   */
  async filled(serviceCase: ServiceCase, deviceId: string | null, wanted: string | null): Promise<FilledAnswer[]> {
    const { answers, appliances, localeOf } = this.#deps;
    const device = deviceId === null ? undefined : (await appliances.find([deviceId])).get(deviceId);
    const locale = wanted ?? (device === undefined ? null : await localeOf(device)) ?? "en";
    const [all, filling] = await Promise.all([answers.list(), this.#filling(serviceCase, deviceId, device, locale)]);
    const offered = all
      .filter(({ model }) => model === null || model === serviceCase.model)
      .map(({ key, definition }) => {
        const suggested = definition.causes.includes(serviceCase.cause);
        return { key, title: definition.title, suggested, locale, ...fillTemplate(definition, locale, filling) };
      });
    return offered.toSorted((a, b) => Number(b.suggested) - Number(a.suggested));
  }

  async #filling(
    serviceCase: ServiceCase,
    deviceId: string | null,
    device: DeviceRef | undefined,
    locale: string,
  ): Promise<Filling> {
    const { appliances, eventsOf } = this.#deps;
    const [cause, row, model, events] = await Promise.all([
      this.causeOf(serviceCase),
      deviceId === null ? null : appliances.get(deviceId),
      serviceCase.model === "" ? null : appliances.model(serviceCase.model),
      device === undefined ? [] : eventsOf(device, { beforeMs: serviceCase.openedAtMs + 1, limit: eventsLookedAt }),
    ]);
    const article = cause === null ? undefined : inLocale(cause.definition.article, locale);
    const part = cause?.definition.part ?? null;
    const program = events.find(({ data }) => String(data["type"]).startsWith("program."))?.data["program"];
    return {
      appliance: model === null ? serviceCase.model : `${model.brand} ${model.name}`,
      serial: row?.serial ?? "",
      program: typeof program === "string" ? program : "",
      part: part === null ? "" : `${part.name} (${part.number})`,
      release: fixedInNow(serviceCase.state)?.version ?? "",
      article_title: article?.title ?? "",
      article: article?.text ?? "",
    };
  }
}
