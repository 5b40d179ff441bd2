import { Button, Checkbox, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { isOvertaken, send } from "../../api/client.ts";
import { checkQuery, contentPath } from "../../api/content-queries.ts";
import type {
  ContentCheck,
  ContentDetail,
  ContentDraft,
  ContentSummary,
  LocaleText,
} from "../../api/content-shapes.ts";
import { offersQuery } from "../../api/loyalty-queries.ts";
import { useRights } from "../../api/rights.ts";
import { fieldWords } from "../../core/content-fields.ts";
import { classesOfKind, contentClassHelp, contentClassWords, emptyText, placeOf } from "../../core/content.ts";
import { isSame, tidy, type Written } from "../../core/content-writing.ts";
import { Languages } from "../../parts/languages.tsx";
import { type MadeFrom, useMadeFrom } from "../../parts/made-from.ts";
import { Markets } from "../../parts/markets.tsx";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Limits } from "./limits.tsx";
import { Picture } from "./picture.tsx";
import { Preview } from "./preview.tsx";
import { RecipeFields } from "./recipe-fields.tsx";
import classes from "./content.module.css";

/** How long the typing rests before the draft is tried against the models. */
const restMs = 400;

interface EditorProps {
  newest: Written;
  /** Null while it is new. */
  item: ContentDetail | null;
}

/** What is written on the left; the appliance's display, its limits and the markets on the right. */
export function Editor({ newest, item }: EditorProps) {
  const [draft, setDraft] = useState(newest.draft);
  const [locale, setLocale] = useState(Object.keys(newest.draft.locales)[0] ?? "en");
  const [imageHref, setImageHref] = useState(newest.imageHref);
  const madeFrom = useMadeFrom({
    newest,
    mine: tidy(draft),
    mineOf: (begun) => tidy(begun.draft),
    write: (next) => {
      setDraft(next);
      if (next.image === newest.draft.image) setImageHref(newest.imageHref);
      if (next.locales[locale] === undefined) setLocale(Object.keys(next.locales)[0] ?? "en");
    },
  });
  const rights = useRights();
  const mayWrite = rights?.may("content.write") === true;
  // Greyed once it is known that they may not, and not while it is asked: who may write would see the form fade in.
  const mayOnlyRead = rights !== undefined && !mayWrite;
  const [rested] = useDebouncedValue(draft, restMs);
  const check = useQuery({ ...checkQuery(tidy(rested)), enabled: mayWrite }).data ?? null;
  const change = (part: Partial<ContentDraft>) => setDraft((before) => ({ ...before, ...part }));
  const text = draft.locales[locale] ?? emptyText(draft.kind);
  const changeText = (part: Partial<LocaleText>) =>
    setDraft((before) => ({
      ...before,
      locales: {
        ...before.locales,
        [locale]: { ...(before.locales[locale] ?? emptyText(before.kind)), ...part },
      },
    }));
  return (
    <div className={classes["split"]}>
      <form className={page["form"]} onSubmit={(event) => event.preventDefault()} aria-label="Editor">
        <fieldset className={page["card"]} disabled={mayOnlyRead}>
          <legend className="hidden">Text</legend>
          <Languages
            all={Object.keys(draft.locales)}
            current={locale}
            onCurrent={setLocale}
            onAdd={(added) => {
              // A translation begins with what there is to translate.
              change({ locales: { ...draft.locales, [added]: text } });
              setLocale(added);
            }}
            onRemove={(gone) => {
              const { [gone]: _gone, ...rest } = draft.locales;
              change({ locales: rest });
              setLocale(Object.keys(rest)[0] ?? "en");
            }}
          />
          <TextInput
            label="Title"
            value={text.title}
            maxLength={200}
            onChange={(event) => changeText({ title: event.currentTarget.value })}
          />
          {draft.kind === "recipe" ? (
            <RecipeFields
              text={text}
              locale={locale}
              check={check}
              models={check?.models ?? []}
              onChange={changeText}
            />
          ) : (
            <Textarea
              label="Text"
              description="An amount in double braces follows the reader’s units: {{180 °C}}"
              rows={6}
              value={text.text ?? ""}
              maxLength={4_000}
              onChange={(event) => changeText({ text: event.currentTarget.value })}
            />
          )}
        </fieldset>
        <fieldset className={page["card"]} disabled={mayOnlyRead}>
          <legend className="hidden">In every language</legend>
          <Settings key={madeFrom.base.version} draft={draft} check={check} onChange={change} />
          <Picture
            image={draft.image}
            alt={text.imageAlt ?? ""}
            onImage={(image, href) => {
              change({ image });
              setImageHref(href);
            }}
            onAlt={(imageAlt) => changeText({ imageAlt: imageAlt === "" ? undefined : imageAlt })}
          />
        </fieldset>
        {mayWrite && (
          <Save draft={draft} item={item} check={check} madeFrom={madeFrom} locale={locale} imageHref={imageHref} />
        )}
      </form>
      <div className={classes["side"]}>
        <Preview draft={draft} locale={locale} models={check?.models ?? []} imageHref={imageHref} />
        {check !== null && draft.kind === "recipe" && <Limits draft={draft} check={check} />}
        {check !== null && check.markets.length > 0 && <Markets markets={check.markets} />}
      </div>
    </div>
  );
}

interface SettingsProps {
  draft: ContentDraft;
  check: ContentCheck | null;
  onChange: (part: Partial<ContentDraft>) => void;
}

function Settings({ draft, check, onChange }: SettingsProps) {
  const models = check?.models ?? [];
  const toggle = (key: string) => {
    const chosen = draft.models ?? [];
    const next = chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key];
    onChange({ models: next.length === 0 ? null : next });
  };
  return (
    <>
      <NativeSelect
        label="Why it is said"
        description={contentClassHelp[draft.class]}
        value={draft.class}
        onChange={(event) => {
          const chosen = classesOfKind[draft.kind].find((one) => one === event.currentTarget.value);
          if (chosen !== undefined) onChange({ class: chosen });
        }}
        data={classesOfKind[draft.kind].map((one) => ({ value: one, label: contentClassWords[one] }))}
      />
      <TextInput
        label="Topics"
        description="Lower case, with commas between them: baking, for-guests"
        defaultValue={draft.topics.join(", ")}
        onChange={(event) =>
          onChange({
            topics: event.currentTarget.value
              .split(",")
              .map((topic) => topic.trim())
              .filter((topic) => topic !== ""),
          })
        }
      />
      {draft.kind === "tip" && (
        <p className={page["note"]}>
          A tip lies on the feed of its models until somebody looks for it, and opens no display. To single households
          campaigns bring it by e-mail or the maker’s app; what the display should show is a message.
        </p>
      )}
      {draft.kind === "offer" && (
        <Granted offerKey={draft.offerKey ?? null} onKey={(offerKey) => onChange({ offerKey })} />
      )}
      <Checkbox
        label="Households may pass it on"
        checked={draft.isShareable}
        onChange={(event) => onChange({ isShareable: event.currentTarget.checked })}
      />
      <div role="group" aria-label="Models" className={page["form"]}>
        <p className={page["note"]}>
          {draft.models === null ? "For all models. Choose some to keep it to them." : "For these models alone:"}
        </p>
        {models.map(({ key, name }) => (
          <Checkbox
            key={key}
            label={name}
            checked={draft.models?.includes(key) === true}
            onChange={() => toggle(key)}
          />
        ))}
      </div>
    </>
  );
}

interface SaveProps {
  draft: ContentDraft;
  item: ContentDetail | null;
  check: ContentCheck | null;
  madeFrom: MadeFrom<Written>;
  locale: string;
  imageHref: string | null;
}

function Save({ draft, item, check, madeFrom, locale, imageHref }: SaveProps) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const { base, other } = madeFrom;
  const saving = useMutation({
    mutationFn: (sent: ContentDraft) =>
      item === null
        ? send<ContentSummary>("POST", "/api/v1/content/items", sent)
        : send<ContentSummary>("PUT", `${contentPath(item.id)}?basedOn=${base.version}`, sent),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: ["content"] }) : undefined),
    onSuccess: async (saved, sent) => {
      if (item !== null && saved !== null) madeFrom.saved({ ...base, version: saved.version, draft: sent, imageHref });
      await client.invalidateQueries({ queryKey: ["content"] });
      if (saved !== null) await navigate({ to: "/content/$id", params: { id: saved.id }, search: {} });
    },
  });
  const isChanged = item === null || !isSame(draft, base.draft);
  const errors = (check?.errors ?? []).filter(({ pointer }) => placeOf(pointer).step === null);
  return (
    <div className={page["form"]}>
      {errors.length > 0 && (
        <ul className={classes["violations"]} aria-label="What is missing">
          {errors.map(({ pointer, message }) => (
            <li key={`${pointer} ${message}`}>
              {fieldWords(pointer)} {message.startsWith("Too small: expected string") ? "is empty" : message}
            </li>
          ))}
        </ul>
      )}
      {saving.error !== null && other === null && <Notice error={saving.error} />}
      <Meanwhile madeFrom={madeFrom} saysOf={(version) => version.draft} onChosen={saving.reset}>
        {({ draft: theirs, imageHref: theirHref }) => (
          <Preview
            sectionName="Preview of their version"
            draft={theirs}
            locale={theirs.locales[locale] === undefined ? (Object.keys(theirs.locales)[0] ?? "en") : locale}
            models={check?.models ?? []}
            imageHref={theirHref}
          />
        )}
      </Meanwhile>
      <div className={page["actions"]}>
        <Button
          loading={saving.isPending}
          disabled={!isChanged || other !== null}
          onClick={() => saving.mutate(tidy(draft))}
        >
          {item === null ? "Save as a draft" : `Save as version ${base.version + 1}`}
        </Button>
        {item !== null && (
          <p className={page["note"]}>Every save is a version of its own; what is live stays live until you publish.</p>
        )}
      </div>
    </div>
  );
}

/** Which offer of the program an item brings: one that is not there, or disabled, no campaign can send. */
function Granted({ offerKey, onKey }: { offerKey: string | null; onKey: (offerKey: string | null) => void }) {
  const offers = useQuery(offersQuery).data?.items;
  const known = (offers ?? []).filter(({ key, definition }) => definition.enabled || key === offerKey);
  const isMissing = offers !== undefined && offerKey !== null && !known.some(({ key }) => key === offerKey);
  return (
    <NativeSelect
      label="What is granted"
      description="An offer of the loyalty program: its price and reason come with the grant"
      value={offerKey ?? ""}
      onChange={(event) => onKey(event.currentTarget.value || null)}
      error={isMissing ? "The program has no such offer: no campaign can send this item." : null}
      data={[
        { value: "", label: known.length === 0 ? "No offers yet: make one under Loyalty" : "Choose an offer" },
        ...known.map(({ key, definition: { title, enabled } }) => ({
          value: key,
          label: enabled ? title : `${title} (disabled)`,
        })),
        ...(offerKey !== null && !known.some(({ key }) => key === offerKey)
          ? [{ value: offerKey, label: offerKey }]
          : []),
      ]}
    />
  );
}
