import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { campaignsQuery, policyQuery } from "../../api/campaign-queries.ts";
import type { Campaign } from "../../api/campaign-shapes.ts";
import { modelsQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { segmentsQuery } from "../../api/segment-queries.ts";
import { campaignStateWords, policySentences } from "../../core/campaigns.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./campaigns.module.css";

const route = getRouteApi("/campaigns");

/** Campaigns and recalls, the newest first. */
export function CampaignsPage() {
  const { cursor } = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useRights()?.may("campaigns.write") === true;
  const question = useQuery(campaignsQuery(cursor));
  const segments = useQuery(segmentsQuery).data?.items ?? [];
  const models = useQuery(modelsQuery).data?.items ?? [];
  const titles = new Map(segments.map(({ id, title }) => [id, title]));
  const modelNames = new Map(models.map(({ key, name }) => [key, name]));
  return (
    <div className={page["page"]}>
      <title>Campaigns · Hearth</title>
      <div className={page["head"]}>
        <h1>Campaigns</h1>
        {mayWrite && (
          <div className={page["actions"]}>
            <Button renderRoot={(props) => <Link {...props} to="/campaigns/new" search={{}} />}>
              Draft a campaign
            </Button>
            <Button
              variant="default"
              renderRoot={(props) => <Link {...props} to="/campaigns/new" search={{ kind: "recall" }} />}
            >
              Draft a recall
            </Button>
          </div>
        )}
      </div>
      <EngagementTabs current="campaigns" />
      <Paged
        question={question}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: "/campaigns", search: { cursor: next } })}
        words={(count) => plural(count, "campaign")}
        height={120}
        none={<NoCampaigns />}
      >
        {(items) => (
          <ul className={classes["list"]}>
            {items.map((campaign) => (
              <Summary key={campaign.id} campaign={campaign} titles={titles} modelNames={modelNames} />
            ))}
          </ul>
        )}
      </Paged>
      <Policy />
    </div>
  );
}

const NoCampaigns = () => (
  <Empty title="No campaign yet">
    <p>
      A campaign brings an item to the households of a segment, each at its own time, as often as it wants to hear from
      you, and only with its consent. Before it starts you see who would get it and who would not; a second person
      approves it. A recall goes by serial numbers and reaches everybody.
    </p>
  </Empty>
);

/** Caps and hold-out: why a campaign that is drafted well may still reach few today. */
function Policy() {
  const policy = useQuery(policyQuery).data;
  const mayChange = useRights()?.may("engagement.write") === true;
  if (policy === undefined) return null;
  return (
    <section className={page["card"]} aria-label="What holds for every campaign">
      <div className={page["head"]}>
        <h2>What holds for every campaign</h2>
        {mayChange && (
          <Button variant="default" size="compact-md" renderRoot={(props) => <Link {...props} to="/settings" />}>
            Change it
          </Button>
        )}
      </div>
      <ul className={classes["policy"]}>
        {policySentences(policy).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <p className={page["note"]}>
        Counted per household, over all campaigns, in the days of its own calendar; the strictest wins. A recall, and
        whatever concerns safety, security or service, waits for none of it.
      </p>
    </section>
  );
}

interface SummaryProps {
  campaign: Campaign;
  /** Of segments, by their ids. */
  titles: ReadonlyMap<string, string>;
  /** By their keys. */
  modelNames: ReadonlyMap<string, string>;
}

function Summary({
  campaign: { id, kind, state, definition, startedAtMs, editedAtMs },
  titles,
  modelNames,
}: SummaryProps) {
  const { words, tone } = campaignStateWords[state];
  return (
    <li className={classes["summary"]}>
      <div className={classes["name"]}>
        <h2>
          <Link to="/campaigns/$id" params={{ id }} className={page["link"]}>
            {definition.name}
          </Link>
        </h2>
        <StateMark tone={tone}>{words}</StateMark>
      </div>
      <p className={classes["soft"]}>
        {kind === "recall" ? "Recall" : "Campaign"} ·{" "}
        {definition.audience.kind === "segment"
          ? (titles.get(definition.audience.segmentId) ?? definition.audience.segmentId)
          : `${modelNames.get(definition.audience.model) ?? definition.audience.model} by serial number`}{" "}
        ·{" "}
        {startedAtMs === null ? (
          <>
            changed <Ago atMs={editedAtMs} />
          </>
        ) : (
          <>
            started <Ago atMs={startedAtMs} />
          </>
        )}
      </p>
    </li>
  );
}
