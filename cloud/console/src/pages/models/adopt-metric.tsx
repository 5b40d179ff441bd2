import type { MetricDeclaration, Model } from "#protocol/model.ts";
import { Button, Checkbox, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { send } from "../../api/client.ts";
import { modelMetricsPath, type UnknownMetric } from "../../api/model-queries.ts";
import { labelOf, rangeText, unitOf } from "../../core/metrics.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./models.module.css";

interface AdoptMetricProps {
  model: Model;
  metric: UnknownMetric;
  onClose: () => void;
}

const kinds = [
  { value: "gauge", label: "A value that goes up and down" },
  { value: "counter", label: "A count that only grows" },
  { value: "flag", label: "Yes or no" },
] as const satisfies { value: MetricDeclaration["kind"]; label: string }[];

const secondMs = 1_000;

/** A bound as the form has it: a number, or an empty text where there is none. */
type Bound = number | string;
const bound = (value: Bound): number | undefined => (typeof value === "number" ? value : undefined);

/** Declares a metric that is sent already; what is in the form first is guessed from its name and its values. */
export function AdoptMetric({ model, metric, onClose }: AdoptMetricProps) {
  const client = useQueryClient();
  const [label, setLabel] = useState(labelOf(metric.name));
  const [unit, setUnit] = useState(unitOf(metric.name));
  const [kind, setKind] = useState<MetricDeclaration["kind"]>(metric.kind);
  const [min, setMin] = useState<Bound>("");
  const [max, setMax] = useState<Bound>("");
  const [everyS, setEveryS] = useState<Bound>("");
  const [personal, setPersonal] = useState(false);
  const adopt = useMutation({
    mutationFn: () => {
      const every = bound(everyS);
      return send<{ version: number }>("POST", `${modelMetricsPath(model.key)}/adopt`, {
        name: metric.name,
        unit,
        kind,
        personal,
        ...(label.trim() === "" ? {} : { label: label.trim() }),
        ...(kind === "flag" ? {} : { min: bound(min), max: bound(max) }),
        ...(every === undefined ? {} : { everyMs: every * secondMs }),
      });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["models"] });
      onClose();
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    adopt.mutate();
  };
  return (
    <Dialog title={`Adopt ${metric.name}`} opened onClose={onClose}>
      <form className={page["form"]} onSubmit={onSubmit}>
        <p className={page["note"]}>
          This makes version {model.version + 1} of {model.name}.
          {metric.kind === "gauge" && ` Values seen so far: ${rangeText(metric.min, metric.max) ?? "none"}.`}
        </p>
        <div className={classes["pair"]}>
          <TextInput
            label="Label"
            value={label}
            maxLength={80}
            onChange={(event) => setLabel(event.currentTarget.value)}
          />
          <TextInput
            label="Unit"
            value={unit}
            maxLength={20}
            onChange={(event) => setUnit(event.currentTarget.value)}
          />
        </div>
        <NativeSelect
          label="Kind"
          value={kind}
          data={kinds}
          onChange={({ currentTarget: { value } }) =>
            setKind(kinds.find((one) => one.value === value)?.value ?? "gauge")
          }
        />
        {kind !== "flag" && (
          <div className={classes["pair"]}>
            <NumberInput label="Makes sense from" value={min} onChange={setMin} />
            <NumberInput label="up to" value={max} onChange={setMax} />
          </div>
        )}
        <NumberInput label="Sent every so many seconds, while it runs" value={everyS} min={0.1} onChange={setEveryS} />
        <Checkbox
          label="It says something about the people, and not only about the appliance"
          checked={personal}
          onChange={(event) => setPersonal(event.currentTarget.checked)}
        />
        {adopt.error !== null && <Notice error={adopt.error} />}
        <div className={page["actions"]}>
          <Button type="submit" loading={adopt.isPending}>
            Adopt
          </Button>
          <Button variant="default" onClick={onClose}>
            Not yet
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
