import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ContentVersion } from "../../api/content-shapes.ts";
import { modelsQuery } from "../../api/queries.ts";
import { feedOfKind, versionStateWords } from "../../core/content.ts";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Failed, type StepProps, useStep } from "./item-step.tsx";
import classes from "./content.module.css";

/** Whether a version can be given a time: it was approved, and its time is not over. */
export const isPlanned = ({ state }: Pick<ContentVersion, "state">): boolean =>
  state === "approved" || state === "scheduled" || state === "live";

/** Of several versions that can be given a time the newest is offered first: what is live stays so while the next is written. */
export function Schedule(props: StepProps) {
  const planned = props.item.versions.filter(isPlanned);
  const [chosen, setChosen] = useState(planned[0]?.version ?? props.item.version);
  const version = planned.find((one) => one.version === chosen);
  const others = props.item.versions.filter(({ state }) => state === "draft" || state === "in_review");
  return (
    <div className={page["form"]}>
      {planned.length > 1 ? (
        <NativeSelect
          label="Which version"
          value={String(chosen)}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
          data={planned.map((one) => ({ value: String(one.version), label: versionLabel(one) }))}
        />
      ) : (
        others.length > 0 &&
        version !== undefined && (
          <p>
            {versionLabel(version)}. What is still written, version {others[0]?.version}, stays as it is.
          </p>
        )
      )}
      {version !== undefined && <ScheduleOf key={version.version} version={version} {...props} />}
    </div>
  );
}

const versionLabel = ({ version, state }: ContentVersion): string =>
  `Version ${version}, ${versionStateWords[state].words.toLowerCase()}`;

function ScheduleOf({ version, ...props }: StepProps & { version: ContentVersion }) {
  const { item } = props;
  const before = version.schedule;
  const [from, setFrom] = useState(before?.from ?? "");
  const [until, setUntil] = useState(before?.until ?? "");
  const [zone, setZone] = useState(before?.zone ?? localZone);
  const feed = feedOfKind[item.kind];
  const mayFeed = feed !== null && version.class !== "promotional" && version.class !== "loyalty_status";
  const [models, setModels] = useState(before?.models ?? []);
  const all = (useQuery(modelsQuery).data?.items ?? []).filter(({ key }) => version.models?.includes(key) ?? true);
  const step = useStep(props);
  return (
    <div className={page["form"]}>
      <div className={classes["pair"]}>
        <TextInput
          type="datetime-local"
          label="From"
          description="Empty: at once"
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label="Until"
          description="Empty: no end"
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
      </div>
      {mayFeed ? (
        <>
          <div role="group" aria-label="On whose feeds" className={page["form"]}>
            <p className={page["soft"]}>On whose feed of {feed}:</p>
            {all.map(({ key, name }) => (
              <Checkbox
                key={key}
                label={name}
                checked={models.includes(key)}
                onChange={(event) =>
                  setModels(event.currentTarget.checked ? [...models, key] : models.filter((one) => one !== key))
                }
              />
            ))}
          </div>
          <TextInput
            label="Time zone of the feeds"
            description="A feed is one for everybody, so it reads these times in one zone. What is sent to a household reads them on its own clock."
            value={zone}
            onChange={(event) => setZone(event.currentTarget.value)}
          />
        </>
      ) : (
        <p className={page["note"]}>
          {item.kind === "tip"
            ? "It is to sell, so it goes on no feed, and a tip opens no display: campaigns bring it by e-mail or the maker’s app."
            : "It goes on no feed: it reaches households by being sent."}{" "}
          These times are on each household’s own clock.
        </p>
      )}
      {version.class === "safety" && models.length > 0 && (
        <p className={page["mind"]}>
          A safety notice also goes to every appliance of these models, at once, and is acknowledged there.
        </p>
      )}
      <Failed error={step.error} />
      <div className={page["actions"]}>
        <Button
          loading={step.isPending}
          onClick={() =>
            step.mutate({
              verb: "schedule",
              body: {
                version: version.version,
                models,
                from: from === "" ? null : from,
                until: until === "" ? null : until,
                zone,
              },
            })
          }
        >
          {from === "" ? "Publish now" : "Schedule"}
        </Button>
        {version.state === "scheduled" && (
          <Button variant="default" disabled={step.isPending} onClick={() => step.mutate({ verb: "unschedule" })}>
            Take the schedule back
          </Button>
        )}
      </div>
    </div>
  );
}
