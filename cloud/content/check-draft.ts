import type { Model } from "#protocol/model.ts";
import { type Branding, brandingOf } from "#protocol/model.ts";
import type { FieldError } from "../platform/problem.ts";
import { type Market, marketsOf } from "../platform/best-locale.ts";
import { misfits } from "./core/machine-fit.ts";
import type { ContentDraft } from "./content-shapes.ts";
import { inEachLocale, oversize } from "./content-views.ts";

/** One model as an author must know it: what it can do, how hot it may get, and whose name stands on it. */
export interface ModelLimits {
  key: string;
  name: string;
  kind: Model["kind"];
  locales: string[];
  capabilities: Model["capabilities"];
  branding: Branding;
}

export interface CheckedDraft {
  /** What the contract refuses, by field. */
  errors: FieldError[];
  /** What a model cannot do, or must not, by step. */
  misfits: (FieldError & { model: string })[];
  markets: Market[];
  models: ModelLimits[];
}

/** Most that one answer names of each. */
const namedMax = 200;
const made = { id: "draft", version: 1, image: null };

type Parsed =
  | { success: true; data: ContentDraft }
  | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };

/** Tries a draft against the contract and against the models that it is for. */
export function checkDraft(parsed: Parsed, models: readonly Model[]): CheckedDraft {
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join("/")}`,
      message,
    }));
    return { errors: errors.slice(0, namedMax), misfits: [], markets: [], models: models.map(limitsOf) };
  }
  const draft = parsed.data;
  const meant = models.filter(({ key }) => draft.models === null || draft.models.includes(key));
  const tooLarge = oversize({ ...draft, ...made });
  const texts = inEachLocale({ ...draft, ...made });
  const found = meant.flatMap((model) =>
    texts.flatMap((text) =>
      misfits(text, model).map(({ pointer, message }) => ({
        model: model.key,
        pointer: `/locales/${text.locale}${pointer}`,
        message,
      })),
    ),
  );
  return {
    errors: tooLarge === null ? [] : [{ pointer: "/locales", message: tooLarge }],
    misfits: found.slice(0, namedMax),
    markets: marketsOf(Object.keys(draft.locales), meant),
    models: models.map(limitsOf),
  };
}

const limitsOf = (model: Model): ModelLimits => ({
  key: model.key,
  name: model.name,
  kind: model.kind,
  locales: model.locales,
  capabilities: model.capabilities,
  branding: brandingOf(model),
});
