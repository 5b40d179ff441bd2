import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { campaignItemsQuery, campaignPath, campaignQuery } from "../../api/campaign-queries.ts";
import type { CampaignDefinition, CampaignDetail, CampaignState } from "../../api/campaign-shapes.ts";
import { ApiProblem, send } from "../../api/client.ts";
import { modelsQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { segmentQuery } from "../../api/segment-queries.ts";
import { goalText } from "../../core/act-words.ts";
import { campaignStateWords, minuteText } from "../../core/campaigns.ts";
import { dateText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { Who } from "../../parts/who.tsx";
import classes from "./campaigns.module.css";
import { Estimate } from "./estimate.tsx";
import { Funnel, Reasons } from "./funnel.tsx";
import { PeopleHouseholds } from "./people-households.tsx";
import { RecallHouseholds } from "./recall-households.tsx";

const route = getRouteApi("/campaigns/$id");

/** One campaign: what is planned, what would become of it, and what became of it. */
export function CampaignPage() {
  const { id } = route.useParams();
  const question = useQuery(campaignQuery(id));
  const missing = question.error instanceof ApiProblem && [404, 422, 400].includes(question.error.status);
  return (
    <div className={page["page"]}>
      <title>{`${question.data?.definition.name ?? "Campaign"} · Hearth`}</title>
      <Head campaign={missing ? undefined : question.data} />
      <EngagementTabs current="campaigns" />
      {missing ? (
        <Empty title="There is no such campaign">
          <p>The address may be cut short.</p>
        </Empty>
      ) : (
        <QuestionNotice question={question} />
      )}
      {question.data !== undefined && !missing && <Known campaign={question.data} />}
      {question.isPending && <Skeleton height={320} radius={10} />}
    </div>
  );
}

function Head({ campaign }: { campaign: CampaignDetail | undefined }) {
  if (campaign === undefined) return <h1>Campaign</h1>;
  const { words, tone } = campaignStateWords[campaign.state];
  return (
    <div className={page["head"]}>
      <div>
        <p className={page["soft"]}>{campaign.kind === "recall" ? "Recall" : "Campaign"}</p>
        <h1>{campaign.definition.name}</h1>
      </div>
      <StateMark tone={tone}>{words}</StateMark>
    </div>
  );
}

function Known({ campaign }: { campaign: CampaignDetail }) {
  const { definition, funnel, recall } = campaign;
  const hasBegun = campaign.startedAtMs !== null;
  return (
    <>
      <Actions campaign={campaign} />
      <div className={classes["columns"]}>
        <div className={page["page"]}>
          {hasBegun ? (
            <Funnel funnel={funnel} hasGoal={definition.kind === "campaign" && definition.goal !== null} />
          ) : (
            <Estimate definition={definition} />
          )}
          {campaign.kind === "campaign" && funnel.human > 0 && (
            <PeopleHouseholds id={campaign.id} count={funnel.human} />
          )}
          {hasBegun && recall !== null && (
            <RecallHouseholds id={campaign.id} counts={recall} countedAtMs={campaign.recallCountedAtMs} />
          )}
        </div>
        <div className={page["page"]}>
          {hasBegun && (
            <Reasons title="Not sent, and why" counts={funnel.suppressed} empty="Nobody was left out so far." />
          )}
          {hasBegun && <Reasons title="Waiting, and for what" counts={funnel.waiting} empty="Nothing waits." />}
          <Plan campaign={campaign} />
        </div>
      </div>
    </>
  );
}

function Plan({ campaign }: { campaign: CampaignDetail }) {
  const { definition, editedBy, approvedBy, approvedAtMs, startedAtMs, endedAtMs } = campaign;
  const { audience } = definition;
  return (
    <section className={page["card"]} aria-label="Plan">
      <h2>Plan</h2>
      <dl className={classes["facts"]}>
        <dt>For</dt>
        <dd>
          {audience.kind === "segment" ? (
            <SegmentName id={audience.segmentId} />
          ) : (
            <>
              <ModelName modelKey={audience.model} />,{" "}
              {audience.ranges.map(({ from, to }) => `${from} to ${to}`).join(", ")}
            </>
          )}
        </dd>
        <dt>Items</dt>
        <dd>
          <Items ids={definition.itemIds} />
        </dd>
        {definition.kind === "campaign" && (
          <>
            <dt>When</dt>
            <dd>{whenText(definition)}</dd>
            <dt>Goal</dt>
            <dd>{definition.goal === null ? "none" : goalText(definition.goal)}</dd>
            <dt>Priority</dt>
            <dd className="numbers">{definition.priority}</dd>
          </>
        )}
        <dt>Ends</dt>
        <dd>{dateText(definition.expiresAtMs, localZone)}</dd>
        <dt>Written by</dt>
        <dd>
          <Who principal={editedBy} />
        </dd>
        <dt>Approved by</dt>
        <dd>{approvedBy === null || approvedAtMs === null ? "nobody yet" : <Who principal={approvedBy} />}</dd>
        {startedAtMs !== null && (
          <>
            <dt>Started</dt>
            <dd>
              <Ago atMs={startedAtMs} />
            </dd>
          </>
        )}
        {endedAtMs !== null && (
          <>
            <dt>Ended</dt>
            <dd>
              <Ago atMs={endedAtMs} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function whenText({ schedule, bestHour }: Extract<CampaignDefinition, { kind: "campaign" }>): string {
  const from =
    schedule === null ? null : `from ${schedule.date} ${minuteText(schedule.minute)}, where each household lives`;
  const hour = bestHour ? "in the hour in which each household cooks most" : null;
  return [from, hour].filter((part) => part !== null).join(", ") || "at once";
}

/** What it chooses from, by its titles; one that is on no list any more by its number alone. */
function Items({ ids }: { ids: readonly string[] }) {
  const all = useQuery(campaignItemsQuery).data?.items ?? [];
  return (
    <ul className={classes["plain"]}>
      {ids.map((id, at) => (
        <li key={id}>
          <Link to="/content/$id" params={{ id }} search={{}} className={page["link"]}>
            {all.find((item) => item.id === id)?.title ?? `Item ${at + 1}`}
          </Link>
        </li>
      ))}
    </ul>
  );
}

function ModelName({ modelKey }: { modelKey: string }) {
  return <>{useQuery(modelsQuery).data?.items.find(({ key }) => key === modelKey)?.name ?? modelKey}</>;
}

function SegmentName({ id }: { id: string }) {
  const segment = useQuery({ ...segmentQuery(id), refetchInterval: false }).data;
  return (
    <Link to="/segments/$id" params={{ id }} search={{}} className={page["link"]}>
      {segment?.title ?? id}
    </Link>
  );
}

type Verb = "approve" | "start" | "pause" | "resume" | "finish";

const verbs: Record<CampaignState, { verb: Verb; words: string }[]> = {
  draft: [{ verb: "approve", words: "Approve" }],
  approved: [
    { verb: "start", words: "Start" },
    { verb: "finish", words: "Discard" },
  ],
  running: [
    { verb: "pause", words: "Pause" },
    { verb: "finish", words: "Finish" },
  ],
  paused: [
    { verb: "resume", words: "Resume" },
    { verb: "finish", words: "Finish" },
  ],
  finished: [],
};

function Actions({ campaign: { id, state, kind } }: { campaign: CampaignDetail }) {
  const mayWrite = useRights()?.may("campaigns.write") === true;
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (verb: Verb) => send("POST", `${campaignPath(id)}/${verb}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ["campaigns"] }),
  });
  if (!mayWrite || state === "finished") return null;
  return (
    <>
      {act.error !== null && <Notice error={act.error} />}
      <div className={page["actions"]}>
        {verbs[state].map(({ verb, words }, at) => (
          <Button
            key={verb}
            variant={at === 0 ? "filled" : "default"}
            loading={act.isPending && act.variables === verb}
            onClick={() => act.mutate(verb)}
          >
            {words}
          </Button>
        ))}
        {(state === "draft" || state === "approved") && (
          <Button
            variant="default"
            renderRoot={(props) => (
              <Link
                {...props}
                to="/campaigns/new"
                search={{ draft: id, kind: kind === "recall" ? "recall" : undefined }}
              />
            )}
          >
            Change it
          </Button>
        )}
      </div>
    </>
  );
}
