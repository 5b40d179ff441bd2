import { Button, NumberInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { policyPath, policyQuery } from "../../api/case-queries.ts";
import type { CasePolicy, PolicyVersion, Severity } from "../../api/case-shapes.ts";
import { isOvertaken, send } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { severityWords, stepWords } from "../../core/case-words.ts";
import { severityOrder } from "../../core/service-url.ts";
import { durationText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { useMadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SeverityMark } from "../../parts/severity.tsx";
import { Who } from "../../parts/who.tsx";
import classes from "./cases.module.css";

const hourMs = 3_600_000;

/** What owners are promised by severity, and who hears when a promise is in danger. */
export function Promises() {
  const question = useQuery(policyQuery);
  const mayChange = useRights()?.may("service.rules") === true;
  const [isOpen, setIsOpen] = useState(false);
  const found = question.data;
  return (
    <section className={page["card"]} aria-label="What is promised">
      <div className={page["head"]}>
        <h2>What is promised</h2>
        {mayChange && found !== undefined && (
          <Button variant="default" size="compact-md" onClick={() => setIsOpen(true)}>
            Change the times…
          </Button>
        )}
      </div>
      <QuestionNotice question={question} />
      {found !== undefined && (
        <>
          <PromisedTimes policy={found.policy} />
          <p className={page["note"]}>
            Version {found.version}, by <Who principal={found.createdBy} />, <Ago atMs={found.createdAtMs} />. What was
            promised already stands.
          </p>
        </>
      )}
      <Dialog title="Change what is promised" opened={isOpen} onClose={() => setIsOpen(false)}>
        {found !== undefined && isOpen && <Times inForce={found} onDone={() => setIsOpen(false)} />}
      </Dialog>
    </section>
  );
}

const PromisedTimes = ({ policy }: { policy: CasePolicy }) => (
  <ul className={classes["promises"]}>
    {severityOrder.map((severity) => (
      <Promised key={severity} severity={severity} policy={policy} />
    ))}
  </ul>
);

function Promised({ severity, policy }: { severity: Severity; policy: CasePolicy }) {
  const { firstAnswerMs, resolveMs, escalation } = policy[severity];
  return (
    <li>
      <SeverityMark severity={severity} />
      <span className="numbers">
        A first answer within <strong>{durationText(firstAnswerMs)}</strong>, a solution within{" "}
        <strong>{durationText(resolveMs)}</strong>
      </span>
      <span className={page["soft"]}>
        {escalation.length === 0 ? "Nobody hears when it is missed." : escalation.map(stepWords).join("; ")}
      </span>
    </li>
  );
}

/** Hours as the form has them: a number, or a text that is none. */
type Hours = number | string;
type Form = Record<Severity, { answer: Hours; solution: Hours }>;

const formOf = (policy: CasePolicy): Form => {
  const of = (severity: Severity) => ({
    answer: policy[severity].firstAnswerMs / hourMs,
    solution: policy[severity].resolveMs / hourMs,
  });
  return { safety: of("safety"), service: of("service"), info: of("info") };
};

/** What people read of a version, by severity. */
const saysOf = (policy: CasePolicy) =>
  Object.fromEntries(
    severityOrder.map((severity) => {
      const { firstAnswerMs, resolveMs, escalation } = policy[severity];
      const said = {
        "first answer": durationText(firstAnswerMs),
        solution: durationText(resolveMs),
        "who hears": escalation.map(stepWords),
      };
      return [severityWords[severity].words, said];
    }),
  );

function Times({ inForce, onDone }: { inForce: PolicyVersion; onDone: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState(() => formOf(inForce.policy));
  const madeFrom = useMadeFrom({
    newest: inForce,
    mine: form,
    mineOf: ({ policy }) => formOf(policy),
    write: setForm,
  });
  const { base, other } = madeFrom;
  const save = useMutation({
    mutationFn: (next: CasePolicy) => send<PolicyVersion>("PUT", `${policyPath}?basedOn=${base.version}`, next),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: policyQuery.queryKey }) : undefined),
    onSuccess: async (saved) => {
      if (saved !== null) madeFrom.saved(saved);
      await client.invalidateQueries({ queryKey: policyQuery.queryKey });
      onDone();
    },
  });
  const wrong = severityOrder.filter((severity) => !isWhole(form[severity]));
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        const next = { ...base.policy };
        for (const severity of severityOrder) {
          const { answer, solution } = form[severity];
          const times = { firstAnswerMs: Number(answer) * hourMs, resolveMs: Number(solution) * hourMs };
          next[severity] = { ...base.policy[severity], ...times };
        }
        save.mutate(next);
      }}
    >
      <p className={page["note"]}>It counts for cases from now on. Who hears when a promise is in danger stays.</p>
      {severityOrder.map((severity) => (
        <fieldset key={severity} className={classes["terms"]}>
          <legend>{severityWords[severity].words}</legend>
          <NumberInput
            label="First answer, hours"
            min={0.25}
            max={8_760}
            value={form[severity].answer}
            onChange={(answer) => setForm({ ...form, [severity]: { ...form[severity], answer } })}
          />
          <NumberInput
            label="Solution, hours"
            min={0.25}
            max={8_760}
            value={form[severity].solution}
            onChange={(solution) => setForm({ ...form, [severity]: { ...form[severity], solution } })}
          />
        </fieldset>
      ))}
      {wrong.length > 0 && (
        <p role="status" className={page["wrong"]}>
          {wrong.map((severity) => severityWords[severity].words).join(", ")}: the first answer comes before the
          solution, and both take some time.
        </p>
      )}
      {save.error !== null && other === null && <Notice error={save.error} />}
      <Meanwhile madeFrom={madeFrom} saysOf={({ policy }) => saysOf(policy)} onChosen={save.reset}>
        {({ policy }) => <PromisedTimes policy={policy} />}
      </Meanwhile>
      <div className={page["actions"]}>
        <Button type="submit" loading={save.isPending} disabled={wrong.length > 0 || other !== null}>
          Promise that
        </Button>
        <Button variant="default" onClick={onDone}>
          Leave it as it is
        </Button>
      </div>
    </form>
  );
}

const isWhole = ({ answer, solution }: { answer: Hours; solution: Hours }): boolean =>
  typeof answer === "number" && typeof solution === "number" && answer > 0 && answer <= solution;
