import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Navigate, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { besideQuery, caseQuery, queueQuery } from "../../api/case-queries.ts";
import type { CaseDossier } from "../../api/case-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { isMessage, statusWords } from "../../core/case-words.ts";
import { useCauseName } from "../../parts/cause-name.ts";
import { useKeys } from "../../parts/keys.ts";
import { MatterHead } from "../../parts/matter.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { WhatToDo } from "../../parts/what-to-do.tsx";
import { CaseActions, type CaseAction } from "./case-actions.tsx";
import { CaseFacts } from "./case-facts.tsx";
import classes from "./case.module.css";
import { CaseTimeline } from "./case-timeline.tsx";
import { Conversation } from "./conversation.tsx";
import { Diagnoses } from "./diagnoses.tsx";
import { EvidenceCard } from "./evidence-card.tsx";
import { CameFrom, MergedCases } from "./merged-cases.tsx";
import { Notes } from "./notes.tsx";
import { DueMark } from "./queue-table.tsx";
import { Related } from "./related.tsx";
import { SafetyWait } from "./safety-wait.tsx";

const route = getRouteApi("/cases/$id");

/** One case: what it is and how bad, what to do, what speaks for it, and the conversation with its owner. */
export function CasePage() {
  const { id } = route.useParams();
  const { from } = route.useSearch();
  const question = useQuery(caseQuery(id));
  const found = question.data;
  return (
    <div className={page["page"]}>
      <title>{`${found?.title ?? "Case"} · Hearth`}</title>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={480} radius={10} />
      ) : found.mergedInto !== null ? (
        <Navigate to="/cases/$id" params={{ id: found.mergedInto }} search={{ from: from ?? id }} replace />
      ) : (
        [<Whole key={found.id} found={found} />]
      )}
    </div>
  );
}

/** The case of the queue that comes after this one, or before it. */
function useNeighbours(id: string) {
  const navigate = useNavigate();
  const items = useQuery(queueQuery({})).data?.items ?? [];
  const at = items.findIndex((one) => one.id === id);
  return (step: 1 | -1) => {
    const next = items[at === -1 ? 0 : at + step];
    if (next !== undefined && next.id !== id) void navigate({ to: "/cases/$id", params: { id: next.id } });
  };
}

function Whole({ found }: { found: CaseDossier }) {
  const beside = useQuery(besideQuery(found.id)).data;
  const rights = useRights();
  const mayWork = rights?.may("cases.write") === true;
  const [asked, setAsked] = useState<CaseAction | null>(null);
  const go = useNeighbours(found.id);
  const navigate = useNavigate();
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    u: () => void navigate({ to: "/cases", search: {} }),
    ...(mayWork
      ? {
          a: () => setAsked("take"),
          m: () => setAsked("merge"),
          r: () => document.getElementById("answer")?.focus(),
          n: () => document.getElementById("note")?.focus(),
        }
      : {}),
  });
  const messages = found.entries.filter(isMessage);
  return (
    <>
      <Head found={found} />
      <CameFrom found={found} />
      <SafetyWait found={found} mayWork={mayWork} />
      {mayWork && <CaseActions found={found} asked={asked} onAsk={setAsked} />}
      <CaseFacts found={found} />
      <div className={classes["columns"]}>
        <div className={classes["column"]}>
          <WhatToDo known={found.causeArticle} cause={found.cause} model={found.model} />
          {found.deviceId !== null && <EvidenceCard found={found} />}
          {found.merged.length > 0 && <MergedCases found={found} mayWork={mayWork} />}
          <div className={`${classes["column"]} ${classes["later"]}`}>
            {found.deviceId !== null && (
              <>
                <Diagnoses found={found} />
                <Related found={found} />
              </>
            )}
          </div>
        </div>
        <div className={classes["column"]}>
          <Conversation found={found} messages={messages} beside={beside} mayWork={mayWork} />
          <Notes found={found} mayWork={mayWork} />
          <CaseTimeline found={found} />
        </div>
      </div>
    </>
  );
}

function Head({ found }: { found: CaseDossier }) {
  const causeName = useCauseName();
  const path = (
    <>
      <Link to="/cases" search={{}}>
        Cases
      </Link>{" "}
      / {causeName(found.cause, found.model)}
    </>
  );
  return (
    <MatterHead title={found.title} path={path} severity={found.severity} status={statusWords[found.status]}>
      <DueMark one={found} />
    </MatterHead>
  );
}
