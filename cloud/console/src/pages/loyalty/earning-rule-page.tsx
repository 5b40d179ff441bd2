import { Button, NativeSelect, Skeleton, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, send } from "../../api/client.ts";
import { earningRulePath, earningVersionsQuery, loyaltyPath } from "../../api/loyalty-queries.ts";
import type { DryRun, EarningRule } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { earningSentence } from "../../core/loyalty.ts";
import { countText, plural } from "../../core/numbers.ts";
import { jsonProblem, wrongPlaces } from "../../core/rules.ts";
import { Ago } from "../../parts/ago.tsx";
import { Empty } from "../../parts/empty.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import classes from "./loyalty.module.css";

const route = getRouteApi("/loyalty/rules/$key");

/** What a rule that is written anew begins with. */
const firstDefinition = {
  title: "Baked bread",
  act: { type: "program.finished", from: ["appliance"] },
  facts: { program: "text" },
  when: 'program == "Bread"',
  effects: [{ points: 10, to: "household" }],
  limit: { kind: "per", period: "week", count: 2 },
};

const written = (definition: unknown): string => JSON.stringify(definition, null, 2);

/** One earning rule: in words, as it is written, and what it would have given. */
export function EarningRulePage() {
  const { key } = route.useParams();
  return key === "new" ? <Editor rule={null} versions={[]} /> : <KnownRule key={key} ruleKey={key} />;
}

function KnownRule({ ruleKey }: { ruleKey: string }) {
  const question = useQuery(earningVersionsQuery(ruleKey));
  const versions = question.data?.items ?? [];
  const newest = versions.at(-1);
  if (question.error instanceof ApiProblem && question.error.status === 404)
    return (
      <Empty title="There is no such rule">
        <p>
          The <Link to="/loyalty">loyalty page</Link> has all of them.
        </p>
      </Empty>
    );
  if (newest === undefined)
    return question.error === null ? <Skeleton height={320} radius={10} /> : <QuestionNotice question={question} />;
  return <Editor key={newest.version} rule={newest} versions={versions} />;
}

function Editor({ rule, versions }: { rule: EarningRule | null; versions: readonly EarningRule[] }) {
  const [text, setText] = useState(() => written(rule?.definition ?? firstDefinition));
  const mayChange = useRights()?.may("loyalty.rules") === true;
  return (
    <div className={page["page"]}>
      <title>{`${rule?.definition.title ?? "New rule"} · Hearth`}</title>
      <div>
        <p className={page["soft"]}>
          <Link to="/loyalty">Loyalty</Link>
        </p>
        <h1>{rule?.definition.title ?? "A rule written anew"}</h1>
        <p className={page["note"]}>
          {rule === null
            ? "Say what households do, under which condition, and what it is worth. Try it before it is in force."
            : `${earningSentence(rule.definition)}.`}
        </p>
      </div>
      <WrittenCard rule={rule} text={text} onText={setText} mayChange={mayChange} />
      {mayChange && <DryRunCard text={text} />}
      {versions.length > 0 && (
        <section className={page["card"]} aria-label="Versions">
          <h2>Versions</h2>
          <ul className={classes["list"]}>
            {versions.toReversed().map(({ version, createdAtMs, createdBy, definition }) => (
              <li key={version}>
                <span>
                  <strong>{version}</strong> {definition.enabled ? "" : "switched off"}
                </span>
                <span className={page["soft"]}>
                  <Who principal={createdBy} />, <Ago atMs={createdAtMs} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

interface WrittenCardProps {
  rule: EarningRule | null;
  text: string;
  onText: (text: string) => void;
  mayChange: boolean;
}

function WrittenCard({ rule, text, onText, mayChange }: WrittenCardProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [key, setKey] = useState("");
  const save = useMutation({
    mutationFn: () => {
      const definition: unknown = JSON.parse(text);
      return send<EarningRule>("PUT", earningRulePath(rule?.key ?? key), definition);
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ["loyalty"] });
      if (rule === null && saved !== null) await navigate({ to: "/loyalty/rules/$key", params: { key: saved.key } });
    },
  });
  const unreadable = jsonProblem(text);
  return (
    <section className={page["card"]} aria-label="As it is written">
      <div>
        <h2>As it is written</h2>
        <p className={page["note"]}>
          What happened before a new version goes by the one before it, however late it is told.
        </p>
      </div>
      {rule === null && (
        <TextInput
          label="Name of the rule"
          description="Lower case, with _: it stays, and stands in the ledger."
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
        />
      )}
      <Textarea
        label="Definition, as JSON"
        autosize
        minRows={10}
        maxRows={30}
        value={text}
        readOnly={!mayChange}
        spellCheck={false}
        onChange={(event) => {
          save.reset();
          onText(event.currentTarget.value);
        }}
        classNames={{ input: classes["code"] ?? "" }}
        error={unreadable}
      />
      <Wrong error={save.error} text={text} within="" />
      {mayChange && (
        <div className={page["actions"]}>
          <Button
            disabled={unreadable !== null || (rule === null && key === "")}
            loading={save.isPending}
            onClick={() => save.mutate()}
          >
            {rule === null ? "Put it in force" : "Put it in force as the next version"}
          </Button>
        </div>
      )}
    </section>
  );
}

/** What is wrong with a definition, at its line where the service says which field it is. */
function Wrong({ error, text, within }: { error: Error | null; text: string; within: string }) {
  if (error === null) return null;
  const wrong = error instanceof ApiProblem ? wrongPlaces(text, error.fields, within) : [];
  if (wrong.length === 0) return <Notice error={error} />;
  return (
    <ul className={classes["list"]} role="alert" aria-label="What is wrong with it">
      {wrong.map(({ place, message, line }) => (
        <li key={`${place} ${message}`}>
          <span className={`${page["mark"]} ${page["wrong"]}`}>
            <AlertIcon />
            {line !== null && `Line ${line}.`}
          </span>
          <span>
            <code>{place}</code> {message}
          </span>
        </li>
      ))}
    </ul>
  );
}

const spans = [
  { value: "7", label: "The last 7 days" },
  { value: "30", label: "The last 30 days" },
  { value: "90", label: "The last 90 days" },
  { value: "365", label: "The last year" },
];

/** Tries the rule, as it stands in the editor, on what households did. */
function DryRunCard({ text }: { text: string }) {
  const [days, setDays] = useState("30");
  const [household, setHousehold] = useState("");
  const run = useMutation({
    mutationFn: () =>
      send<DryRun>("POST", `${loyaltyPath}/rules/dry-run`, {
        definition: JSON.parse(text) as unknown,
        days: Number(days),
        ...(household.trim() === "" ? {} : { householdId: household.trim() }),
      }),
  });
  return (
    <section className={page["card"]} aria-label="Dry run">
      <div>
        <h2>Try it on the past</h2>
        <p className={page["note"]}>
          The rule as it stands in the editor, on what households did. It tells what they would have got, and nobody
          gets anything.
        </p>
      </div>
      <div className={classes["ask"]}>
        <NativeSelect label="When" value={days} onChange={(event) => setDays(event.currentTarget.value)} data={spans} />
        <TextInput
          label="Only this household (its id)"
          placeholder="All of them"
          value={household}
          onChange={(event) => setHousehold(event.currentTarget.value)}
        />
        <Button
          variant="default"
          loading={run.isPending}
          disabled={jsonProblem(text) !== null}
          onClick={() => run.mutate()}
        >
          Try it
        </Button>
      </div>
      <Wrong error={run.error} text={text} within="definition" />
      {run.data != null && <DryRunResult run={run.data} />}
    </section>
  );
}

const shownMax = 20;

function DryRunResult({ run }: { run: DryRun }) {
  const { acts, isCut, households, earnings, points, refused, returns, effects } = run;
  return (
    <div role="status">
      {acts === 0 ? (
        <p>Nobody did any such thing in that time, so there is nothing to try it on.</p>
      ) : (
        <>
          <p>
            <strong>{plural(points, "point")}</strong> to {plural(households, "household")}, for{" "}
            {plural(earnings, "earning")} out of {plural(acts, "act")}
            {isCut && ", the first of more"}.
          </p>
          <p className={page["note"]}>
            {refused > 0 && `${plural(refused, "more")} would have been over the limit. `}
            {returns > 0 && `${plural(returns, "act")} would have taken points back. `}
            {earnings === 0 && returns === 0 && "The condition held for none of them."}
          </p>
        </>
      )}
      {effects.length > 0 && (
        <ul className={`${classes["list"]} numbers`} aria-label="What they would have got">
          {effects.slice(0, shownMax).map(({ householdId, source, points: one, effectIndex, day }) => (
            <li key={`${source} ${effectIndex}`}>
              <span>{day}</span>
              <HrefLink href={`/households/${householdId}`} className={page["link"]}>
                {householdId.slice(-12)}
              </HrefLink>
              <span>+{countText(one)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
