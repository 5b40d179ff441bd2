import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem, send } from "../../api/client.ts";
import { modelsQuery } from "../../api/queries.ts";
import { backtestPath, backtestQuery, backtestsQuery } from "../../api/rule-queries.ts";
import type { Backtest } from "../../api/rule-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { jsonProblem, wouldBeWords, wrongPlaces } from "../../core/rules.ts";
import { dateText } from "../../core/time.ts";
import { AlertIcon } from "../../parts/icons.tsx";
import { LeftOutNote } from "../../parts/left-out.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { BacktestDevices } from "./backtest-devices.tsx";
import classes from "./rules.module.css";

const dayMs = 86_400_000;
const spans = [
  { value: "7", label: "The last 7 days" },
  { value: "30", label: "The last 30 days" },
  { value: "90", label: "The last 90 days" },
];

interface BacktestCardProps {
  /** Null for a rule that is written anew. */
  ruleId: string | null;
  /** The definition as it stands in the editor. */
  text: string;
  /** It is not the one in force. */
  isChanged: boolean;
}

/** Tries the rule, as it stands in the editor, on what appliances said in the past. */
export function BacktestCard({ ruleId, text, isChanged }: BacktestCardProps) {
  const client = useQueryClient();
  const [days, setDays] = useState("30");
  const [model, setModel] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const models = useQuery(modelsQuery).data?.items ?? [];
  const before = useQuery(backtestsQuery).data?.items.find((one) => ruleId !== null && one.ruleId === ruleId);
  const shown = chosen ?? before?.id ?? null;
  const start = useMutation({
    mutationFn: () => {
      const toMs = Date.now();
      const which = isChanged || ruleId === null ? { definition: JSON.parse(text) as unknown } : { ruleId };
      const filter = model === "" ? {} : { model };
      const asked = { ...which, fromMs: toMs - Number(days) * dayMs, toMs, filter };
      return send<Backtest>("POST", "/api/v1/service/rules/backtest", asked);
    },
    onSuccess: async (backtest) => {
      if (backtest !== null) setChosen(backtest.id);
      await client.invalidateQueries({ queryKey: ["backtests"] });
    },
  });
  const wrong = start.error instanceof ApiProblem ? wrongPlaces(text, start.error.fields, "definition") : [];
  return (
    <section className={page["card"]} aria-label="Back-test">
      <div>
        <h2>Try it on the past</h2>
        <p className={page["note"]}>
          {isChanged
            ? "The rule as it stands in the editor, whether or not it is in force."
            : "The rule as it is in force."}{" "}
          Nothing follows from what it finds here.
        </p>
      </div>
      <div className={classes["ask"]}>
        <NativeSelect
          label="When"
          size="sm"
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
          data={spans}
        />
        <NativeSelect
          label="On which model"
          size="sm"
          value={model}
          onChange={(event) => setModel(event.currentTarget.value)}
          data={[
            { value: "", label: "All that it watches" },
            ...models.map(({ key, name }) => ({ value: key, label: name })),
          ]}
        />
        <Button loading={start.isPending} disabled={jsonProblem(text) !== null} onClick={() => start.mutate()}>
          Try it
        </Button>
      </div>
      {wrong.length > 0 ? (
        <ul className={classes["wrong"]} role="alert" aria-label="What is wrong with it">
          {wrong.map(({ place, message, line }) => (
            <li key={`${place} ${message}`}>
              <AlertIcon />
              <span>
                {line !== null && <strong>Line {line}. </strong>}
                <code>{place}</code> {message}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        start.error !== null && <Notice error={start.error} />
      )}
      {shown !== null && <Result key={shown} id={shown} />}
    </section>
  );
}

function Result({ id }: { id: string }) {
  const question = useQuery(backtestQuery(id));
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => send("POST", `${backtestPath(id)}/cancel`, {}),
    onSettled: () => client.invalidateQueries({ queryKey: ["backtests"] }),
  });
  const found = question.data;
  if (found === undefined) return <QuestionNotice question={question} />;
  const { status, done, devices, matching, fired, neverFired, noData, share, firesWidely, lookedAt } = found;
  const usable = matching - (found.leftOut?.devices ?? 0);
  return (
    <div className={classes["result"]} data-backtest={id} data-status={status}>
      <p className={classes["small"]}>
        {found.definition.title}, {dateText(found.fromMs, localZone)} to {dateText(found.toMs, localZone)}
        {devices < usable && `; a sample of ${countText(devices)} of ${countText(usable)} appliances`}
      </p>
      <LeftOutNote leftOut={found.leftOut} />
      {status === "running" && (
        <div className={page["actions"]}>
          <progress className={classes["progress"]} value={done} max={Math.max(1, devices)} aria-label="Progress" />
          <span className="numbers">
            {countText(done)} of {countText(devices)}
          </span>
          <Button variant="default" size="compact-md" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            Call it off
          </Button>
        </div>
      )}
      {found.reason !== null && (
        <p className={classes["note"]}>
          <AlertIcon /> It ended before the last appliance: {found.reason}
        </p>
      )}
      <dl className={`${classes["verdicts"]} numbers`}>
        <div data-verdict="fired">
          <dt>Fired</dt>
          <dd>{countText(fired)}</dd>
        </div>
        <div data-verdict="never_fired">
          <dt>Looked at, never fired</dt>
          <dd>{countText(neverFired)}</dd>
        </div>
        <div data-verdict="no_data">
          <dt>No data to look at</dt>
          <dd>{countText(noData)}</dd>
        </div>
      </dl>
      <p>
        {share === null
          ? `Too few appliances had anything to look at for a share to mean something.`
          : `It fired on ${Math.round(share * 1_000) / 10} % of those that it had something to look at.`}{" "}
        <span className={page["soft"]}>
          {plural(lookedAt, "reading and event", "readings and events")} were looked at.
        </span>
      </p>
      {fired > 0 && found.wouldBe.length > 0 && (
        <div>
          <h3>What would have followed</h3>
          <ul className={classes["wouldBe"]}>
            {found.wouldBe.map((one, at) => (
              <li key={at} className="numbers">
                {wouldBeWords(one)}
              </li>
            ))}
          </ul>
        </div>
      )}
      {firesWidely && (
        <p className={classes["note"]} role="status">
          <AlertIcon /> That is widely: to put it in force takes a confirmation.
        </p>
      )}
      {fired > 0 && <BacktestDevices backtest={found} />}
    </div>
  );
}
