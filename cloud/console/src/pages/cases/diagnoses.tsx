import { Button, Loader } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { casePath, diagnosesQuery } from "../../api/case-queries.ts";
import type { CaseDossier, Diagnosis } from "../../api/case-shapes.ts";
import { getFile, send } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { diagnosisWords, isUnderWay, selfTestOf } from "../../core/diagnoses.ts";
import { bytesText } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import matter from "../../parts/matter.module.css";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { Who } from "../../parts/who.tsx";
import classes from "./case.module.css";

const kindWords = { self_test: "Self-test", send_log: "Log" } as const;

/** What the appliance was asked about itself, and what it answered. */
export function Diagnoses({ found }: { found: CaseDossier }) {
  const question = useQuery(diagnosesQuery(found.id));
  const client = useQueryClient();
  const mayAsk = useRights()?.may("devices.command") === true;
  const ask = useMutation({
    mutationFn: (kind: Diagnosis["kind"]) => send("POST", `${casePath(found.id)}/diagnoses`, { kind }),
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
  const items = question.data?.items ?? [];
  const busy = new Set(items.filter(isUnderWay).map(({ kind }) => kind));
  return (
    <section className={page["card"]} aria-label="Ask the appliance">
      <h2>Ask the appliance</h2>
      <p className={page["note"]}>
        A self-test moves nothing and waits for no program. The log comes without the secrets and addresses that were in
        it. An appliance that is away does not hear either.
      </p>
      {mayAsk && (
        <div className={page["actions"]}>
          {(["self_test", "send_log"] as const).map((kind) => (
            <Button
              key={kind}
              variant="default"
              loading={ask.isPending && ask.variables === kind}
              disabled={busy.has(kind)}
              onClick={() => ask.mutate(kind)}
            >
              {kind === "self_test" ? "Run a self-test" : "Ask for its log"}
            </Button>
          ))}
        </div>
      )}
      {ask.error !== null && <Notice error={ask.error} />}
      <QuestionNotice question={question} />
      {items.length > 0 && (
        <ul className={matter["history"]}>
          {items.map((one) => (
            <Asked key={one.id} one={one} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Asked({ one }: { one: Diagnosis }) {
  const { words, tone } = diagnosisWords(one);
  const test = one.kind === "self_test" ? selfTestOf(one.result) : null;
  return (
    <li>
      <span className={classes["asked"]}>
        <strong>{kindWords[one.kind]}</strong>
        {isUnderWay(one) && <Loader size={14} />}
        <StateMark tone={tone}>{words}</StateMark>
      </span>
      <span className={matter["small"]}>
        asked by <Who principal={one.askedBy} />, <Ago atMs={one.askedAtMs} />
      </span>
      {test !== null && (
        <ul className={classes["parts"]} aria-label="Parts">
          {test.parts.map(({ part, ok }) => (
            <li key={part}>
              <StateMark tone={ok ? "well" : "wrong"}>
                {part.replaceAll("_", " ")} {ok ? "well" : "faulty"}
              </StateMark>
            </li>
          ))}
        </ul>
      )}
      {test === null && one.result !== null && one.kind === "self_test" && (
        <pre className={classes["raw"]}>{JSON.stringify(one.result, null, 2)}</pre>
      )}
      {one.log !== null && one.state === "answered" && <Log id={one.id} log={one.log} />}
    </li>
  );
}

function Log({ id, log }: { id: string; log: NonNullable<Diagnosis["log"]> }) {
  const mayRead = useRights()?.may("devices.logs") === true;
  const download = useMutation({
    mutationFn: async () => {
      const href = URL.createObjectURL(await getFile(`/api/v1/diagnoses/${encodeURIComponent(id)}/log`));
      const link = document.createElement("a");
      link.href = href;
      link.download = `${id}.log`;
      link.click();
      URL.revokeObjectURL(href);
    },
  });
  const removed = Object.values(log.removals).reduce((sum, count) => sum + count, 0);
  return (
    <>
      <span className={matter["small"]}>
        {bytesText(log.bytes)}
        {log.isCut && ", cut at its limit"}
        {removed > 0 && `, ${removed} secrets and addresses taken out`}. Who reads it is on record.
      </span>
      {mayRead && (
        <div className={page["actions"]}>
          <Button variant="default" size="compact-md" loading={download.isPending} onClick={() => download.mutate()}>
            Download the log
          </Button>
        </div>
      )}
      {download.error !== null && <Notice error={download.error} />}
    </>
  );
}
