import { Input, NativeSelect, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { inUnits, type UnitSystem, unitsOfLocale } from "#protocol/units.ts";
import type { ContentDraft, LocaleText, ModelLimits } from "../../api/content-shapes.ts";
import { durationWords, machineLine } from "../../core/content.ts";
import page from "../../parts/page.module.css";
import classes from "./content.module.css";

interface PreviewProps {
  /** What the section is called, where there are two. */
  sectionName?: string;
  draft: ContentDraft;
  locale: string;
  models: readonly ModelLimits[];
  imageHref: string | null;
}

/** The appliance's display with what is being written, in its maker's colours and the reader's units. */
export function Preview({ sectionName = "Preview", draft, locale, models, imageHref }: PreviewProps) {
  const [chosen, setChosen] = useState("");
  const [units, setUnits] = useState<UnitSystem | "locale">("locale");
  const meant = models.filter(({ key }) => draft.models === null || draft.models.includes(key));
  const model = meant.find(({ key }) => key === chosen) ?? meant[0];
  const text = draft.locales[locale];
  const shownUnits = units === "locale" ? unitsOfLocale(locale) : units;
  return (
    <section className={page["card"]} aria-label={sectionName}>
      <h2>On the display</h2>
      <div
        className={classes["display"]}
        style={{ background: model?.branding.colours.paper ?? "#fff", color: model?.branding.colours.ink ?? "#111" }}
        lang={locale}
        data-preview
      >
        <span className={classes["brand"]} style={{ color: model?.branding.colours.accent }}>
          {model?.branding.name ?? "Your brand"}
        </span>
        {imageHref !== null && <img src={imageHref} alt={text?.imageAlt ?? text?.title ?? ""} />}
        {text !== undefined && <Shown draft={draft} text={text} units={shownUnits} model={model} />}
      </div>
      <div className={classes["pair"]}>
        <NativeSelect
          label="As seen on"
          value={model?.key ?? ""}
          onChange={(event) => setChosen(event.currentTarget.value)}
          data={meant.map(({ key, name }) => ({ value: key, label: name }))}
        />
        <div>
          <Input.Label labelElement="div">Units</Input.Label>
          <SegmentedControl
            aria-label="Units"
            value={units}
            onChange={(value) => setUnits(value === "metric" || value === "imperial" ? value : "locale")}
            data={[
              { value: "locale", label: "Locale’s" },
              { value: "metric", label: "°C" },
              { value: "imperial", label: "°F" },
            ]}
          />
        </div>
      </div>
      {model !== undefined && (
        <p className={page["note"]}>
          E-mail about it comes from {model.branding.sender.name}
          {model.branding.sender.email !== null && ` <${model.branding.sender.email}>`}.
        </p>
      )}
    </section>
  );
}

interface ShownProps {
  draft: ContentDraft;
  text: LocaleText;
  units: UnitSystem;
  model: ModelLimits | undefined;
}

function Shown({ draft, text, units, model }: ShownProps) {
  const accent = model?.branding.colours.accent ?? "#9a3412";
  const paper = model?.branding.colours.paper ?? "#fff";
  const says = (words: string | undefined) => inUnits(words ?? "", units);
  const facts = [
    text.yields ?? (text.servings === undefined ? null : `${text.servings} servings`),
    text.prep_s === undefined ? null : `${durationWords(text.prep_s)} to prepare`,
    text.cook_s === undefined ? null : `${durationWords(text.cook_s)} to cook`,
  ].filter((fact) => fact !== null);
  return (
    <>
      <p className={classes["shownTitle"]}>{text.title === "" ? "…" : text.title}</p>
      {facts.length > 0 && <p>{facts.join(" · ")}</p>}
      {draft.kind === "recipe" ? (
        <>
          <p>{says(text.summary)}</p>
          <ul>
            {(text.ingredients ?? []).map((one, at) => (
              // oxlint-disable-next-line react/no-array-index-key -- lines have no name of their own
              <li key={at}>{says(one)}</li>
            ))}
          </ul>
          <ol className={classes["shownSteps"]}>
            {(text.steps ?? []).map((step, at) => (
              // oxlint-disable-next-line react/no-array-index-key -- steps have no name of their own
              <li key={at}>
                {step.section !== undefined && step.section !== "" && <strong>{step.section}: </strong>}
                {says(step.text)}
                {step.machine !== undefined && (
                  <span className={classes["machine"]} style={{ color: accent }}>
                    {machineLine(step.machine, units)}
                  </span>
                )}
              </li>
            ))}
          </ol>
          <p>Start it at the appliance.</p>
        </>
      ) : (
        <p style={{ whiteSpace: "pre-wrap" }}>{says(text.text)}</p>
      )}
      {draft.kind === "offer" && (
        <p>
          <s>24.90 €</s> <strong>19.90 €</strong> for you
        </p>
      )}
      {draft.kind !== "recipe" && draft.kind !== "tip" && (
        <span className={classes["touch"]} style={{ background: accent, color: paper }}>
          {draft.kind === "offer" ? "Take it" : draft.class === "safety" ? "I have read this" : "All right"}
        </span>
      )}
    </>
  );
}
