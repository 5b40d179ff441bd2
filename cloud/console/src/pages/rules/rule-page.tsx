import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useRights } from "../../api/rights.ts";
import { ruleQuery } from "../../api/rule-queries.ts";
import type { RuleAction, RuleDefinition, ServiceRule } from "../../api/rule-shapes.ts";
import { actionWords, definitionText, modeWords, readDefinition, ruleSentence } from "../../core/rules.ts";
import { Ago } from "../../parts/ago.tsx";
import { CauseLink } from "../../parts/cause-link.tsx";
import { useMadeFrom } from "../../parts/made-from.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SeverityMark } from "../../parts/severity.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { Who } from "../../parts/who.tsx";
import { BacktestCard } from "./backtest-card.tsx";
import { Firings } from "./firings.tsx";
import { LateLines } from "./late-lines.tsx";
import { ModeSwitch } from "./mode-switch.tsx";
import { RuleEditor } from "./rule-editor.tsx";
import classes from "./rules.module.css";

const route = getRouteApi("/rules/$id");

/** What a rule that is written anew begins with. */
const firstDefinition: RuleDefinition & Record<string, unknown> = {
  kind: "threshold",
  title: "Kitchen gets too warm",
  severity: "service",
  mode: "shadow",
  cause: "kitchen_too_warm",
  metric: "cavity_c",
  direction: "above",
  limit: 280,
  clearAt: 260,
  holdMs: 60_000,
};

/** One rule: what it watches, as words and as it is written; what it found; and how it would have fared in the past. */
export function RulePage() {
  const { id } = route.useParams();
  return id === "new" ? <NewRule /> : <KnownRule key={id} id={id} />;
}

function NewRule() {
  const [text, setText] = useState(() => definitionText(firstDefinition));
  const mayChange = useRights()?.may("service.rules") === true;
  return (
    <div className={page["page"]}>
      <title>New rule · Hearth</title>
      <div>
        <p className={page["soft"]}>
          <Link to="/rules">Rules</Link>
        </p>
        <h1>A rule written anew</h1>
        <p className={page["note"]}>
          Begin in the shadow: what it finds is noted and nothing follows. Try it on the past before it goes live.
        </p>
      </div>
      <RuleEditor madeFrom={null} text={text} onText={setText} mayChange={mayChange} />
      {mayChange && <BacktestCard ruleId={null} text={text} isChanged />}
    </div>
  );
}

function KnownRule({ id }: { id: string }) {
  const question = useQuery(ruleQuery(id));
  const found = question.data;
  return (
    <div className={page["page"]}>
      <title>{`${found?.rule.definition.title ?? "Rule"} · Hearth`}</title>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={320} radius={10} />
      ) : (
        <Whole rule={found.rule} versions={found.versions} />
      )}
    </div>
  );
}

function Follows({ actions }: { actions: readonly RuleAction[] }) {
  if (actions.length === 0) return <p className={page["note"]}>When it comes, nothing follows but a note of it.</p>;
  return (
    <p className={page["note"]}>
      When it comes, it {new Intl.ListFormat("en", { type: "conjunction" }).format(actions.map(actionWords))}.
    </p>
  );
}

function Whole({ rule, versions }: { rule: ServiceRule; versions: readonly ServiceRule[] }) {
  const mayChange = useRights()?.may("service.rules") === true;
  const { definition } = rule;
  const written = definitionText(definition);
  const [text, setText] = useState(written);
  const madeFrom = useMadeFrom<ServiceRule, unknown>({
    newest: rule,
    // Half written it is a text, which nothing can be put into.
    mine: readDefinition(text) ?? text,
    mineOf: (begun) => begun.definition,
    write: (next) => setText(typeof next === "string" ? next : definitionText(next)),
  });
  const { words, tone } = modeWords[definition.mode];
  return (
    <>
      <div>
        <p className={page["soft"]}>
          <Link to="/rules">Rules</Link>
          {definition.cause !== undefined && (
            <>
              {" / "}
              <CauseLink cause={definition.cause} model={null} />
            </>
          )}
        </p>
        <h1>{definition.title}</h1>
        <p className={classes["marks"]}>
          <SeverityMark severity={definition.severity} />
          <StateMark tone={tone}>{words}</StateMark>
          <span className={page["soft"]}>version {rule.version}</span>
        </p>
        <p className={classes["lead"]}>{ruleSentence(definition)}</p>
        <Follows actions={definition.actions ?? []} />
      </div>
      {mayChange && <ModeSwitch rule={rule} />}
      <Firings rule={rule} />
      <LateLines ruleId={rule.id} />
      {mayChange && <BacktestCard ruleId={rule.id} text={text} isChanged={text !== written} />}
      <RuleEditor madeFrom={madeFrom} text={text} onText={setText} mayChange={mayChange} />
      <section className={page["card"]} aria-label="Versions">
        <h2>Versions</h2>
        <ol className={classes["versions"]}>
          {versions.map((one) => (
            <li key={one.version}>
              <details>
                <summary>
                  Version {one.version}: {modeWords[one.definition.mode].words.toLowerCase()}
                  <span className={classes["small"]}>
                    , <Who principal={one.createdBy} />, <Ago atMs={one.createdAtMs} />
                  </span>
                </summary>
                <pre className={classes["json"]} tabIndex={0} aria-label={`Version ${one.version} as it is written`}>
                  {definitionText(one.definition)}
                </pre>
              </details>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}
