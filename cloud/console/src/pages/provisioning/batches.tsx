import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { batchesQuery, batchQuery, modelsQuery } from "../../api/queries.ts";
import type { Batch } from "../../api/shapes.ts";
import { untilText } from "../../core/certificates.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { Empty } from "../../parts/empty.tsx";
import { AlertIcon, CheckIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { BatchActions } from "./batch-actions.tsx";
import { NewBatch } from "./new-batch.tsx";
import classes from "./provisioning.module.css";

const route = getRouteApi("/provisioning");

/** What is made, and how much of it has come in. */
export function Batches({ mayWrite }: { mayWrite: boolean }) {
  const { cursor } = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(batchesQuery(cursor));
  const [making, setMaking] = useState(false);
  const items = question.data?.items ?? [];
  return (
    <>
      {mayWrite && (
        <div className={page["actions"]}>
          <Button onClick={() => setMaking(true)}>New batch…</Button>
        </div>
      )}
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={160} radius={10} />}
      {question.data !== undefined && items.length === 0 && (
        <Empty title="No batch yet">
          <p>
            A batch is a run of one model in the factory. Its claim secret goes into every appliance of the run; with it
            an appliance of the factory’s list asks for a certificate of its own, once.
          </p>
        </Empty>
      )}
      {items.map((batch) => (
        <BatchCard key={batch.key} batch={batch} mayWrite={mayWrite} />
      ))}
      {(cursor !== undefined || question.data?.nextCursor) && (
        <Pager
          words={plural(items.length, "batch", "batches")}
          cursor={cursor}
          nextCursor={question.data?.nextCursor ?? null}
          onCursor={(next) => void navigate({ to: "/provisioning", search: { cursor: next } })}
        />
      )}
      <NewBatch opened={making} onClose={() => setMaking(false)} />
    </>
  );
}

const stateNames = { manufactured: "Made, not in yet", enrolled: "Enrolled", blocked: "Blocked" } as const;

function BatchCard({ batch, mayWrite }: { batch: Batch; mayWrite: boolean }) {
  const detail = useQuery(batchQuery(batch.key)).data;
  const models = useQuery(modelsQuery).data?.items ?? [];
  const nowMs = useNow();
  const { key, state, validUntilMs, createdAtMs } = batch;
  return (
    <section className={page["card"]} aria-label={`Batch ${key}`}>
      <div className={page["head"]}>
        <div>
          <h2>{key}</h2>
          <p className={page["soft"]}>{models.find((model) => model.key === batch.model)?.name ?? batch.model}</p>
        </div>
        <span className={`${page["mark"]} ${state === "open" ? page["well"] : page["soft"]}`}>
          {state === "open" ? <CheckIcon /> : <AlertIcon />}
          {state === "open" ? "Open" : "Closed"}
        </span>
      </div>
      <Quota batch={batch} />
      <dl className={classes["facts"]}>
        {Object.entries(stateNames).map(([name, words]) => (
          <Fact key={name} name={words}>
            {detail === undefined ? "…" : countText(detail.serials[name] ?? 0)}
          </Fact>
        ))}
        <Fact name="Begun">
          <Ago atMs={createdAtMs} />
        </Fact>
        <Fact name="Takes enrolments">{validUntilMs === null ? "without an end" : endText(validUntilMs, nowMs)}</Fact>
        {detail?.secrets.map((secret) => (
          <Fact key={secret.createdAtMs} name={secret.validUntilMs === null ? "Claim secret" : "Secret before"}>
            <Ago atMs={secret.createdAtMs} />
            {secret.validUntilMs !== null && <>, ends {untilText(secret.validUntilMs, nowMs)}</>}
          </Fact>
        ))}
      </dl>
      {mayWrite && <BatchActions batch={batch} />}
    </section>
  );
}

const endText = (untilMs: number, nowMs: number) =>
  untilMs > nowMs ? `ends ${untilText(untilMs, nowMs)}` : `ended ${untilText(untilMs, nowMs)}`;

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd className="numbers">{children}</dd>
  </div>
);

function Quota({ batch: { quota, enrolled } }: { batch: Batch }) {
  const share = Math.min(1, enrolled / quota);
  const isFull = enrolled >= quota;
  return (
    <div className={classes["quota"]}>
      <span className="numbers">
        <strong>{countText(enrolled)}</strong> of {countText(quota)} enrolled
        {isFull && <span className={page["wrong"]}>: the quota is used up</span>}
      </span>
      <span className={classes["track"]} aria-hidden="true">
        <span className={`${classes["fill"]} ${isFull ? classes["full"] : ""}`} style={{ width: `${share * 100}%` }} />
      </span>
    </div>
  );
}
