import type { Model } from "#protocol/model.ts";
import { Button, Checkbox, NumberInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { send } from "../../api/client.ts";
import { type FeedFitChange, modelFeedPath, modelPath } from "../../api/model-queries.ts";
import { plural } from "../../core/numbers.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./models.module.css";
import { Recipes } from "./recipes.tsx";

type Bound = number | string;
const bound = (value: Bound): number | undefined => (typeof value === "number" ? value : undefined);

/** Makes the model's next version with other limits. What that takes off its feed is said before it is saved. */
export function ChangeLimits({ model, onClose }: { model: Model; onClose: () => void }) {
  const client = useQueryClient();
  const { capabilities } = model;
  const [hottest, setHottest] = useState<Bound>(capabilities.setpoint_c_max ?? "");
  const [minutes, setMinutes] = useState<Bound>(
    capabilities.duration_s_max === undefined ? "" : capabilities.duration_s_max / 60,
  );
  const [probed, setProbed] = useState<Bound>(capabilities.probe_c_max ?? "");
  const [steam, setSteam] = useState(capabilities.steam);
  const [probe, setProbe] = useState(capabilities.probe);
  const longest = bound(minutes);
  const next: Model = {
    ...model,
    version: model.version + 1,
    capabilities: {
      ...capabilities,
      setpoint_c_max: bound(hottest),
      duration_s_max: longest === undefined ? undefined : Math.round(longest * 60),
      probe_c_max: bound(probed),
      steam,
      probe,
    },
  };
  const look = useMutation({
    mutationFn: () => send<FeedFitChange>("POST", `${modelFeedPath(model.key)}/preview`, next),
  });
  const save = useMutation({
    mutationFn: () => send<unknown>("PUT", modelPath(model.key), next),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["models"] });
      onClose();
    },
  });
  const seen = look.data ?? undefined;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (seen === undefined) look.mutate();
    else save.mutate();
  };
  /** What was looked at is not what would be saved any more. */
  const changing =
    <Value,>(set: (value: Value) => void) =>
    (value: Value) => {
      look.reset();
      save.reset();
      set(value);
    };
  return (
    <Dialog title="Change limits" opened onClose={onClose}>
      <form className={page["form"]} onSubmit={onSubmit}>
        <p className={page["note"]}>
          This makes version {next.version} of {model.name}. An empty field is no limit.
        </p>
        <div className={classes["pair"]}>
          <NumberInput label="Hottest, °C" value={hottest} min={0} max={500} onChange={changing(setHottest)} />
          <NumberInput label="Longest, minutes" value={minutes} min={1} max={1_440} onChange={changing(setMinutes)} />
        </div>
        <Checkbox label="Steam" checked={steam} onChange={(event) => changing(setSteam)(event.currentTarget.checked)} />
        <Checkbox label="Probe" checked={probe} onChange={(event) => changing(setProbe)(event.currentTarget.checked)} />
        {probe && (
          <NumberInput label="Probe up to, °C" value={probed} min={20} max={120} onChange={changing(setProbed)} />
        )}
        {seen !== undefined && <Change change={seen} />}
        {look.error !== null && <Notice error={look.error} />}
        {save.error !== null && <Notice error={save.error} />}
        <div className={page["actions"]}>
          <Button type="submit" loading={look.isPending || save.isPending}>
            {seen === undefined ? "See what changes" : `Save version ${next.version}`}
          </Button>
          <Button variant="default" onClick={onClose}>
            Keep as it is
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Change({ change: { leaves, comesBack } }: { change: FeedFitChange }) {
  return (
    <div role="status">
      {leaves.length + comesBack.length === 0 && <p>Nothing leaves its feed, and nothing comes back to it.</p>}
      {leaves.length > 0 && (
        <>
          <p className={page["mind"]}>
            {plural(leaves.length, "live recipe")} would leave its feed, and what waits for its appliances with it:
          </p>
          <Recipes recipes={leaves} />
        </>
      )}
      {comesBack.length > 0 && (
        <>
          <p>{plural(comesBack.length, "live recipe")} would come back to its feed:</p>
          <Recipes recipes={comesBack} />
        </>
      )}
    </div>
  );
}
