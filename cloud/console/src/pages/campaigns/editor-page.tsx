import { Button, Checkbox, NativeSelect, NumberInput, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { campaignItemsQuery, campaignQuery, savePath } from "../../api/campaign-queries.ts";
import type { Campaign, CampaignDefinition } from "../../api/campaign-shapes.ts";
import { isOvertaken, send } from "../../api/client.ts";
import { modelsQuery } from "../../api/queries.ts";
import { segmentsQuery } from "../../api/segment-queries.ts";
import { begunCampaign, campaignDefinitionOf, type CampaignDraft } from "../../core/campaign-draft.ts";
import { actTitle, goalText, goalTypes } from "../../core/act-words.ts";
import { contentClassWords } from "../../core/content.ts";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { useMadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./campaigns.module.css";
import { Estimate } from "./estimate.tsx";

const route = getRouteApi("/campaigns/new");
const dayMs = 86_400_000;

const titleIn = (all: readonly { id: string; title: string }[], id: string): string =>
  all.find((one) => one.id === id)?.title ?? id;

/** A draft in the words of its form, to tell what somebody changed: what has a title is called by it. */
function useSaysOf() {
  const segments = useQuery(segmentsQuery).data?.items ?? [];
  const items = useQuery(campaignItemsQuery).data?.items ?? [];
  return (draft: CampaignDraft) => ({
    name: draft.name,
    ...(draft.audience === "segment"
      ? { segment: titleIn(segments, draft.segmentId) }
      : { model: draft.model, serials: draft.ranges.map(({ from, to }) => `${from} to ${to}`) }),
    items: draft.itemIds.map((id) => titleIn(items, id)),
    from: draft.date === "" ? "at once" : `${draft.date} ${draft.time}`,
    "best hour": draft.bestHour ? "yes" : "no",
    priority: draft.priority,
    "ends after days": draft.days,
    goal: draft.event === "" ? "none" : goalText(draft),
  });
}

/** Writes a campaign or a recall, with its estimate beside it. */
export function CampaignEditorPage() {
  const { draft: id, kind } = route.useSearch();
  const found = useQuery({ ...campaignQuery(id ?? ""), enabled: id !== undefined, refetchInterval: false });
  return (
    <div className={page["page"]}>
      <title>Draft a campaign · Hearth</title>
      <h1>{kind === "recall" ? "Recall" : "Campaign"}</h1>
      <EngagementTabs current="campaigns" />
      {id === undefined ? <Editor known={null} /> : found.data !== undefined && <Editor known={found.data} />}
      {found.isLoading && <Skeleton height={420} radius={10} />}
      {found.error !== null && id !== undefined && <Notice error={found.error} />}
    </div>
  );
}

function Editor({ known }: { known: Campaign | null }) {
  const { kind = "campaign" } = route.useSearch();
  const [beganMs] = useState(() => Date.now());
  const newest = begunCampaign(known, beganMs);
  const [draft, setDraft] = useState<CampaignDraft>(newest.draft);
  const madeFrom = useMadeFrom({ newest, mine: draft, mineOf: (begun) => begun.draft, write: setDraft });
  const isBehind = madeFrom.other !== null;
  const saysOf = useSaysOf();
  const navigate = useNavigate();
  const client = useQueryClient();
  const change = (more: Partial<CampaignDraft>) => setDraft((before) => ({ ...before, ...more }));
  const definition = campaignDefinitionOf(draft, kind, beganMs + draft.days * dayMs);
  const save = useMutation({
    mutationFn: (given: CampaignDefinition) =>
      send<Campaign>(known === null ? "POST" : "PUT", savePath(known?.id ?? null, madeFrom.base.version), given),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: ["campaigns"] }) : undefined),
    async onSuccess(saved) {
      if (saved !== null) madeFrom.saved({ ...begunCampaign(saved, beganMs), draft });
      await client.invalidateQueries({ queryKey: ["campaigns"] });
      if (saved !== null) await navigate({ to: "/campaigns/$id", params: { id: saved.id } });
    },
  });
  return (
    <div className={classes["columns"]}>
      <form
        className={page["card"]}
        onSubmit={(event) => {
          event.preventDefault();
          if (definition !== null) save.mutate(definition);
        }}
      >
        <TextInput
          label="Name"
          required
          maxLength={120}
          value={draft.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <Audience draft={draft} kind={kind} onChange={change} />
        <Items draft={draft} kind={kind} onChange={change} />
        {kind === "campaign" && <Plan draft={draft} onChange={change} />}
        <NumberInput
          label="Ends after days"
          description="Nothing of it goes out afterwards, whatever still waits."
          min={1}
          max={365}
          value={draft.days}
          onChange={(value) => change({ days: Number(value) || 1 })}
        />
        {save.error !== null && !isBehind && <Notice error={save.error} />}
        <Meanwhile
          madeFrom={madeFrom}
          title="The draft was changed meanwhile"
          saysOf={(begun) => saysOf(begun.draft)}
          onChosen={save.reset}
        >
          {(other) => (
            <dl className={classes["facts"]}>
              {Object.entries(saysOf(other.draft)).map(([name, said]) => (
                <Fragment key={name}>
                  <dt>{name}</dt>
                  <dd>{Array.isArray(said) ? said.join(", ") : said}</dd>
                </Fragment>
              ))}
            </dl>
          )}
        </Meanwhile>
        <div className={page["actions"]}>
          <Button type="submit" disabled={definition === null || isBehind} loading={save.isPending}>
            Save the draft
          </Button>
        </div>
        <p className={page["note"]}>A second person approves it before it can start.</p>
      </form>
      <div className={page["page"]}>
        {definition === null ? (
          <p className={page["note"]}>
            Name it, say whom it is for and what they get: then you see here whom it would reach, and who would be left
            out and why.
          </p>
        ) : (
          <Estimate definition={definition} />
        )}
      </div>
    </div>
  );
}

interface PartProps {
  draft: CampaignDraft;
  onChange: (more: Partial<CampaignDraft>) => void;
}

function Audience({ draft, kind, onChange }: PartProps & { kind: "campaign" | "recall" }) {
  const segments = useQuery(segmentsQuery).data?.items ?? [];
  const models = useQuery(modelsQuery).data?.items ?? [];
  const bySerial = kind === "recall" || draft.audience === "serials";
  return (
    <>
      {kind === "campaign" && (
        <NativeSelect
          label="For"
          value={draft.audience}
          data={[
            { value: "segment", label: "The households of a segment" },
            { value: "serials", label: "Appliances by serial number" },
          ]}
          onChange={(event) => onChange({ audience: event.currentTarget.value === "serials" ? "serials" : "segment" })}
        />
      )}
      {!bySerial && (
        <NativeSelect
          label="Segment"
          value={draft.segmentId}
          data={[
            { value: "", label: segments.length === 0 ? "There is no segment yet" : "Choose one" },
            ...segments.map(({ id, title }) => ({ value: id, label: title })),
          ]}
          onChange={(event) => onChange({ segmentId: event.currentTarget.value })}
        />
      )}
      {bySerial && (
        <>
          <NativeSelect
            label="Model"
            value={draft.model}
            data={[{ value: "", label: "Choose one" }, ...models.map(({ key, name }) => ({ value: key, label: name }))]}
            onChange={(event) => onChange({ model: event.currentTarget.value })}
          />
          <Ranges draft={draft} onChange={onChange} />
        </>
      )}
    </>
  );
}

function Ranges({ draft: { ranges }, onChange }: PartProps) {
  const put = (at: number, more: Partial<{ from: string; to: string }>) =>
    onChange({ ranges: ranges.map((range, index) => (index === at ? { ...range, ...more } : range)) });
  return (
    <>
      {ranges.map(({ from, to }, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- ranges have no other name
        <div key={at} className={classes["range"]}>
          <TextInput
            label="First serial number"
            value={from}
            maxLength={64}
            onChange={(event) => put(at, { from: event.currentTarget.value.trim() })}
          />
          <TextInput
            label="Last serial number"
            value={to}
            maxLength={64}
            onChange={(event) => put(at, { to: event.currentTarget.value.trim() })}
          />
          {ranges.length > 1 && (
            <Button
              variant="default"
              onClick={() => onChange({ ranges: ranges.filter((_range, index) => index !== at) })}
            >
              Remove
            </Button>
          )}
        </div>
      ))}
      <div>
        <Button variant="default" onClick={() => onChange({ ranges: [...ranges, { from: "", to: "" }] })}>
          Another range
        </Button>
      </div>
    </>
  );
}

function Items({ draft: { itemIds }, kind, onChange }: PartProps & { kind: "campaign" | "recall" }) {
  const all = useQuery(campaignItemsQuery).data?.items ?? [];
  const items = all.filter(
    (item) =>
      (item.state === "live" || item.state === "scheduled") &&
      item.kind !== "tip" &&
      (kind === "campaign" || item.class === "recall" || item.class === "safety"),
  );
  if (items.length === 0)
    return (
      <p className={page["note"]}>
        {kind === "recall"
          ? "Write a message of the class recall or safety first, and have it approved."
          : "Nothing can be sent yet: write an item first, and have it approved."}
      </p>
    );
  return (
    <fieldset className={classes["choice"]}>
      <legend>{kind === "recall" ? "What they are told" : "What they get; of several, the one that suits best"}</legend>
      <div className={classes["items"]}>
        {items.map(({ id, title, class: itemClass }) => (
          <Checkbox
            key={id}
            label={`${title} · ${contentClassWords[itemClass]}`}
            checked={itemIds.includes(id)}
            onChange={(event) => {
              const others = kind === "recall" ? [] : itemIds.filter((one) => one !== id);
              onChange({ itemIds: event.currentTarget.checked ? [...others, id] : others });
            }}
          />
        ))}
      </div>
    </fieldset>
  );
}

function Plan({ draft, onChange }: PartProps) {
  return (
    <>
      <div className={classes["range"]}>
        <TextInput
          type="date"
          label="From; empty: at once"
          value={draft.date}
          onChange={(event) => onChange({ date: event.currentTarget.value })}
        />
        <TextInput
          type="time"
          label="At, where each lives"
          value={draft.time}
          onChange={(event) => onChange({ time: event.currentTarget.value })}
        />
      </div>
      <Checkbox
        label="In the hour in which each household cooks most"
        checked={draft.bestHour}
        onChange={(event) => onChange({ bestHour: event.currentTarget.checked })}
      />
      <NumberInput
        label="Priority"
        description="0 to 9; within its class the higher goes first."
        min={0}
        max={9}
        value={draft.priority}
        onChange={(value) => onChange({ priority: Number(value) || 0 })}
      />
      <Goal draft={draft} onChange={onChange} />
    </>
  );
}

const other = "other";

/** What it is to bring about: one of what households usually do, or any other type that appliances or the maker's systems report. */
function Goal({ draft: { event, withinDays }, onChange }: PartProps) {
  const [wantsOther, setWantsOther] = useState(false);
  const isOther = wantsOther || (event !== "" && !goalTypes.includes(event));
  return (
    <>
      <div className={classes["range"]}>
        <NativeSelect
          label="Goal"
          value={isOther ? other : event}
          data={[
            { value: "", label: "None" },
            ...goalTypes.map((type) => ({ value: type, label: actTitle(type) })),
            { value: other, label: "Something else" },
          ]}
          onChange={({ currentTarget: { value } }) => {
            setWantsOther(value === other);
            onChange({ event: value === other ? "" : value });
          }}
        />
        <NumberInput
          label="Within days"
          min={1}
          max={90}
          value={withinDays}
          onChange={(value) => onChange({ withinDays: Number(value) || 1 })}
        />
      </div>
      {isOther && (
        <TextInput
          label="Type of the event or fact"
          description="As the appliance, the app or the shop names it."
          placeholder="bread.baked"
          value={event}
          maxLength={64}
          onChange={({ currentTarget: { value } }) => {
            setWantsOther(true);
            onChange({ event: value });
          }}
        />
      )}
    </>
  );
}
