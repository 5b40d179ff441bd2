import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { previewQuery } from "../../api/rollout-queries.ts";
import type { RolloutPreview } from "../../api/rollout-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { absoluteText } from "../../core/time.ts";
import { AlertIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import planner from "./planner.module.css";
import classes from "./rollouts.module.css";

/** What the plan would do if it began now: nothing of it is kept. */
export function PlanPreview({ plan }: { plan: unknown }) {
  const question = useQuery({ ...previewQuery(plan), enabled: plan !== null });
  const preview = question.data ?? null;
  return (
    <section className={`${page["card"]} ${planner["beside"]}`} aria-label="Dry run" aria-busy={question.isFetching}>
      <h2>If it began now</h2>
      {plan === null && (
        <p className={classes["soft"]}>Choose a release, and a dry run shows here whom the plan reaches.</p>
      )}
      {question.error !== null && <Notice error={question.error} />}
      {plan !== null && preview !== null && question.error === null && <Answer preview={preview} />}
    </section>
  );
}

function Answer({ preview }: { preview: RolloutPreview }) {
  const { eligible, excluded, stages, zones, warnings, problems, clashes, expectedFinishAtMs, expectedFinishWhy } =
    preview;
  const open = zones.filter((zone) => zone.open).length;
  return (
    <>
      <p>
        <span className={`${planner["big"]} numbers`} data-testid="eligible">
          {countText(eligible)}
        </span>{" "}
        {eligible === 1 ? "appliance gets it" : "appliances get it"}
      </p>
      {problems.map(({ code, title, detail }) => (
        <p key={code} className={classes["warning"]} data-tone="wrong">
          <AlertIcon />
          <span>
            <strong>{title}.</strong> {detail}
          </span>
        </p>
      ))}
      {[...warnings, ...clashes.map(({ sentence }) => sentence)].map((sentence) => (
        <p key={sentence} className={classes["warning"]}>
          <AlertIcon />
          <span>{sentence}</span>
        </p>
      ))}
      <Expected atMs={expectedFinishAtMs} why={expectedFinishWhy} />
      {stages.length > 0 && (
        <dl className={classes["facts"]}>
          {stages.map(({ name, members, expectedAtMs }) => (
            <Row key={name} name={name}>
              <span className="numbers">{plural(members, "appliance")}</span>
              {expectedAtMs !== null && (
                <span className={classes["soft"]}>, until {absoluteText(expectedAtMs, localZone)}</span>
              )}
            </Row>
          ))}
          {zones.length > 0 && (
            <Row name="Windows">
              open now in {countText(open)} of {plural(zones.length, "time zone")}
            </Row>
          )}
        </dl>
      )}
      <Excluded excluded={excluded} />
    </>
  );
}

const Row = ({ name, children }: { name: string; children: React.ReactNode }) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);

const Expected = ({ atMs, why }: { atMs: number | null; why: string }) => (
  <p>
    {atMs === null ? "" : `Ends about ${absoluteText(atMs, localZone)}. `}
    <span className={classes["soft"]}>{why}</span>
  </p>
);

function Excluded({ excluded }: Pick<RolloutPreview, "excluded">) {
  if (excluded.length === 0) return null;
  return (
    <>
      <h3>Who does not get it, and why</h3>
      <ul className={planner["excluded"]}>
        {excluded.map(({ reason, sentence, count, examples }) => (
          <li key={`${reason} ${sentence}`}>
            <span>
              <strong className="numbers">{countText(count)}</strong>: {sentence}
            </span>
            <span className={classes["examples"]}>
              {examples.map((deviceId) => (
                <Link key={deviceId} to="/devices/$id" params={{ id: deviceId }} search={{}}>
                  {deviceId}
                </Link>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
