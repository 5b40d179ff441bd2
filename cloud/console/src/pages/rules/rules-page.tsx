import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRights } from "../../api/rights.ts";
import { firingsQuery, rulesQuery } from "../../api/rule-queries.ts";
import type { RuleFiring, StandingRule } from "../../api/rule-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { modeWords, ruleSentence } from "../../core/rules.ts";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { useNow } from "../../parts/now.ts";
import { ServiceTabs } from "../../parts/service-tabs.tsx";
import { SeverityMark } from "../../parts/severity.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./rules.module.css";

const weekMs = 7 * 86_400_000;

interface Fired {
  count: number;
  /** There may be more than were read. */
  isCut: boolean;
}

/** Every rule: what it watches, whether it acts, and how often it found something lately. */
export function RulesPage() {
  const question = useQuery(rulesQuery);
  const firings = useQuery(firingsQuery(undefined)).data;
  const nowMs = useNow();
  const mayChange = useRights()?.may("service.rules") === true;
  const items = question.data?.items;
  const isCut = firings?.nextCursor != null;
  const firedOf = (id: string): Fired | null =>
    firings === undefined ? null : { count: firedLately(firings.items, id, nowMs), isCut };
  return (
    <div className={page["page"]}>
      <title>Rules · Hearth</title>
      <div className={page["head"]}>
        <h1>Rules</h1>
        {mayChange && (
          <Button renderRoot={(props) => <Link {...props} to="/rules/$id" params={{ id: "new" }} />}>
            Write a rule
          </Button>
        )}
      </div>
      <ServiceTabs current="rules" />
      <QuestionNotice question={question} />
      {items === undefined ? (
        question.error === null && <Skeleton height={320} radius={10} />
      ) : items.length === 0 ? (
        <Empty title="There is no rule">
          <p>
            A rule watches what appliances say and opens a case when it finds something. Write one, try it on the past,
            and let it run in its shadow before it goes live.
          </p>
        </Empty>
      ) : (
        <ul className={classes["list"]}>
          {items.map((rule) => (
            <Rule key={rule.id} rule={rule} fired={firedOf(rule.id)} />
          ))}
        </ul>
      )}
    </div>
  );
}

const firedLately = (firings: readonly RuleFiring[], id: string, nowMs: number): number =>
  firings.filter(({ ruleId, kind, atMs }) => ruleId === id && kind === "raise" && atMs > nowMs - weekMs).length;

function Rule({ rule, fired }: { rule: StandingRule; fired: Fired | null }) {
  const { id, version, definition, holding, tooLate } = rule;
  const { words, tone } = modeWords[definition.mode];
  return (
    <li className={classes["rule"]} data-mode={definition.mode}>
      <div>
        <div className={classes["name"]}>
          <h2>
            <Link to="/rules/$id" params={{ id }}>
              {definition.title}
            </Link>
          </h2>
          <SeverityMark severity={definition.severity} />
          <StateMark tone={tone}>{words}</StateMark>
        </div>
        <p className={classes["sentence"]}>{ruleSentence(definition)}</p>
      </div>
      <dl className={`${classes["figures"]} numbers`}>
        <div>
          <dt>Fired in 7 days</dt>
          <dd>
            {fired === null ? "…" : countText(fired.count)}
            {fired?.isCut === true && <span className={page["soft"]}> or more</span>}
          </dd>
        </div>
        <div>
          <dt>Stands on</dt>
          <dd>{plural(holding, "appliance")}</dd>
        </div>
        {tooLate > 0 && (
          <div>
            <dt>Came too late</dt>
            <dd>{countText(tooLate)}</dd>
          </div>
        )}
        <div>
          <dt>Version</dt>
          <dd>{version}</dd>
        </div>
      </dl>
    </li>
  );
}
