import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, isOvertaken, send } from "../../api/client.ts";
import {
  earningRulePath,
  earningRulesQuery,
  earningVersionsQuery,
  loyaltyPath,
  vocabularyQuery,
} from "../../api/loyalty-queries.ts";
import type { DryRun, EarningDefinition, EarningRule, LoyaltyVocabulary } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { type Begun, begunNew, begunWith } from "../../core/begun.ts";
import {
  earningDefinitionOf,
  type EarningDraft,
  earningDraftOf,
  earningWrongs,
  newEarning,
} from "../../core/earning-draft.ts";
import { keyFrom, wrongsOf } from "../../core/field-wrongs.ts";
import { earningSentence } from "../../core/loyalty.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { Empty } from "../../parts/empty.tsx";
import { asTheirs } from "../../parts/fields.tsx";
import { type MadeFrom, useMadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { inForce } from "../../parts/save.tsx";
import { Who } from "../../parts/who.tsx";
import { EditorHead } from "./frame.tsx";
import { DryRunCard, type DryRunAsked } from "./dry-run.tsx";
import classes from "./loyalty.module.css";
import { RuleForm } from "./rule-form.tsx";

const route = getRouteApi("/loyalty/rules/$key");

/** One earning rule: in words, in fields, and what it would have given. */
export function EarningRulePage() {
  const { key } = route.useParams();
  const question = useQuery(vocabularyQuery);
  if (question.data === undefined)
    return question.error === null ? <Skeleton height={320} radius={10} /> : <QuestionNotice question={question} />;
  return key === "new" ? (
    <Editor rule={null} versions={[]} vocabulary={question.data} />
  ) : (
    <KnownRule key={key} ruleKey={key} vocabulary={question.data} />
  );
}

function KnownRule({ ruleKey, vocabulary }: { ruleKey: string; vocabulary: LoyaltyVocabulary }) {
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
  return <Editor rule={newest} versions={versions} vocabulary={vocabulary} />;
}

/** Rules in words, with what the others are called. */
function useSentence(vocabulary: LoyaltyVocabulary): (definition: EarningDefinition) => string {
  const rules = useQuery(earningRulesQuery).data?.items;
  return (definition) => earningSentence(definition, vocabulary, rules);
}

interface EditorProps {
  rule: EarningRule | null;
  versions: readonly EarningRule[];
  vocabulary: LoyaltyVocabulary;
}

function Editor({ rule, versions, vocabulary }: EditorProps) {
  const newest = rule === null ? begunNew(newEarning) : begunWith(rule, (one) => earningDraftOf(one, vocabulary));
  const [draft, setDraft] = useState(newest.draft);
  const [isAsked, setIsAsked] = useState(false);
  const rights = useRights();
  const sentenceOf = useSentence(vocabulary);
  const mayChange = rights?.may("loyalty.rules") === true;
  const definition = earningDefinitionOf(draft, vocabulary);
  const [tried, setTried] = useState<{ written: string; run: DryRun } | null>(null);
  const written = JSON.stringify(definition);
  const madeFrom = useMadeFrom({ newest, mine: draft, mineOf: (begun) => begun.draft, write: setDraft });
  const run = useMutation({
    mutationFn: ({ days, householdId }: DryRunAsked) =>
      send<DryRun>("POST", `${loyaltyPath}/rules/dry-run`, {
        definition,
        days,
        ...(householdId === "" ? {} : { householdId }),
      }),
    onSuccess: (found) => {
      if (found !== null) setTried({ written, run: found });
    },
  });
  const missing = earningWrongs(draft);
  const said = run.error instanceof ApiProblem ? wrongsOf(run.error.fields, "definition") : new Map<string, string>();
  const ask = (asked: DryRunAsked) => {
    setIsAsked(true);
    if (missing.size === 0) run.mutate(asked);
  };
  const isTried = tried !== null && tried.written === written;
  return (
    <div className={page["page"]}>
      <EditorHead title={rule?.definition.title ?? "New rule"}>
        {rule === null
          ? "Say what households do, under which condition, and what it is worth. Try it before it is in force."
          : `${sentenceOf(rule.definition)}.`}
      </EditorHead>
      <div className={classes["work"]}>
        <section className={page["card"]} aria-label="The rule">
          <RuleForm
            key={madeFrom.base.version}
            draft={draft}
            vocabulary={vocabulary}
            wrongs={isAsked && missing.size > 0 ? missing : said}
            readOnly={!mayChange}
            onChange={(more) => {
              run.reset();
              setDraft((before) => ({ ...before, ...more }));
            }}
          />
        </section>
        <div className={classes["beside"]}>
          {mayChange && (
            <DryRunCard
              run={isTried ? tried.run : null}
              isRunning={run.isPending}
              isWrong={(isAsked && missing.size > 0) || said.size > 0}
              onAsk={ask}
            />
          )}
          {run.error !== null && <Notice error={run.error} />}
          {mayChange && (
            <SaveCard
              rule={rule}
              draft={draft}
              madeFrom={madeFrom}
              run={isTried ? tried.run : null}
              vocabulary={vocabulary}
            />
          )}
        </div>
      </div>
      {versions.length > 0 && <Versions versions={versions} />}
    </div>
  );
}

interface SaveCardProps {
  rule: EarningRule | null;
  draft: EarningDraft;
  madeFrom: MadeFrom<Begun<EarningDraft>>;
  /** Of the definition as it stands; null where it was not tried. */
  run: DryRun | null;
  vocabulary: LoyaltyVocabulary;
}

/** Puts the rule in force once it was tried, as somebody says who reads what that means. */
function SaveCard({ rule, draft, madeFrom, run, vocabulary }: SaveCardProps) {
  const sentenceOf = useSentence(vocabulary);
  const client = useQueryClient();
  const navigate = useNavigate();
  const [opened, setOpened] = useState(false);
  const { base, other } = madeFrom;
  const definitionOf = (of: EarningDraft): EarningDefinition => earningDefinitionOf(of, vocabulary);
  const definition = definitionOf(draft);
  const key = rule?.key ?? keyFrom(definition.title);
  const save = useMutation({
    mutationFn: (sent: EarningDraft) =>
      send<EarningRule>("PUT", `${earningRulePath(key)}?basedOn=${base.version}`, definitionOf(sent)),
    onError: async (error) => {
      if (rule === null || !isOvertaken(error)) return;
      setOpened(false);
      await client.invalidateQueries({ queryKey: ["loyalty"] });
    },
    onSuccess: async (saved, sent) => {
      setOpened(false);
      if (rule !== null && saved !== null) madeFrom.saved({ ...base, version: saved.version, draft: sent });
      await client.invalidateQueries({ queryKey: ["loyalty"] });
      if (rule === null && saved !== null) await navigate({ to: "/loyalty/rules/$key", params: { key: saved.key } });
    },
  });
  return (
    <section className={page["card"]} aria-label="Put it in force">
      <h2>{rule === null ? "Put it in force" : "Put it in force as the next version"}</h2>
      <p className={page["note"]}>
        {run === null
          ? "Try it first, as it stands now; then it can be put in force."
          : "What happened before goes by the version before it, however late it is told. Nobody loses or gets points for what was."}
      </p>
      <Meanwhile madeFrom={madeFrom} saysOf={(version) => definitionOf(version.draft)} onChosen={save.reset}>
        {({ draft: theirs }) => <RuleForm {...asTheirs} draft={theirs} vocabulary={vocabulary} />}
      </Meanwhile>
      <div className={page["actions"]}>
        <Button disabled={run === null || key === "" || other !== null} onClick={() => setOpened(true)}>
          Put it in force
        </Button>
      </div>
      <Confirm
        title="Put this rule in force?"
        opened={opened}
        {...inForce}
        isPending={save.isPending}
        error={save.error}
        onYes={() => save.mutate(draft)}
        onClose={() => setOpened(false)}
      >
        <p>
          {sentenceOf(definition)}
          {definition.enabled ? "." : ". It is switched off, and gives nothing."}
        </p>
        {run !== null && run.points > 0 && definition.enabled && (
          <p>
            In the time that you tried it on it would have given <strong>{plural(run.points, "point")}</strong> to{" "}
            {plural(run.households, "household")}.
          </p>
        )}
      </Confirm>
    </section>
  );
}

const Versions = ({ versions }: { versions: readonly EarningRule[] }) => (
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
);
