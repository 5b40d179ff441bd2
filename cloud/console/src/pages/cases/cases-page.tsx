import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { casePath, queueCountsQuery, queueQuery } from "../../api/case-queries.ts";
import type { QueuedCase } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { plural } from "../../core/numbers.ts";
import { type CasesSearch, filterOf, wishesOf } from "../../core/service-url.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { useKeys } from "../../parts/keys.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { ServiceTabs } from "../../parts/service-tabs.tsx";
import classes from "./cases.module.css";
import { ChosenCases } from "./chosen-cases.tsx";
import { Measures } from "./measures.tsx";
import { NewCase } from "./new-case.tsx";
import { Promises } from "./promises.tsx";
import { QueueFilters } from "./queue-filters.tsx";
import { chosenCase, moveChoice, QueueTable } from "./queue-table.tsx";

const route = getRouteApi("/cases");

/** What wants to be worked on, in the order in which it does; and how that goes, week by week. */
export function CasesPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const mayWork = useRights()?.may("cases.write") === true;
  const show = (open: string | undefined) => void navigate({ to: "/cases", search: { ...search, open } });
  return (
    <div className={page["page"]}>
      <title>Cases · Hearth</title>
      <div className={page["head"]}>
        <h1>Cases</h1>
        {search.tab === undefined && (
          <p className={classes["keyHint"]}>
            <kbd>j</kbd> <kbd>k</kbd> move, <kbd>e</kbd> opens, <kbd>a</kbd> takes, <kbd>x</kbd> chooses, <kbd>?</kbd>{" "}
            shows all keys
          </p>
        )}
        {mayWork && (
          <Button variant="default" onClick={() => show("some")}>
            Open a case…
          </Button>
        )}
      </div>
      <ServiceTabs current={search.tab === "measures" ? "measures" : "cases"} />
      {search.tab === "measures" ? (
        <>
          <Measures />
          <Promises />
        </>
      ) : (
        <Queue search={search} />
      )}
      <Dialog title="Open a case" opened={mayWork && search.open !== undefined} onClose={() => show(undefined)}>
        {search.open !== undefined && <NewCase about={search.open} onDone={() => show(undefined)} />}
      </Dialog>
    </div>
  );
}

function useTake() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => send("POST", `${casePath(id)}/take`),
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
}

const noCases: readonly QueuedCase[] = [];

/** Which of the cases on the page are chosen. What leaves the page is chosen no more: nobody acts on what they do not see. */
function useChoice(items: readonly QueuedCase[]) {
  const [wanted, setWanted] = useState<ReadonlySet<string>>(new Set());
  const [last, setLast] = useState<string | null>(null);
  const cases = items.filter(({ id }) => wanted.has(id));
  return {
    cases,
    ids: new Set(cases.map(({ id }) => id)),
    choose: (ids: readonly string[]) => setWanted(new Set(ids)),
    toggle: (id: string | null, range: boolean) => {
      if (id === null) return;
      const at = items.findIndex((one) => one.id === id);
      const from = range ? items.findIndex((one) => one.id === last) : -1;
      const chosen = new Set(cases.map((one) => one.id));
      if (from !== -1) for (const one of items.slice(Math.min(from, at), Math.max(from, at) + 1)) chosen.add(one.id);
      else if (!chosen.delete(id)) chosen.add(id);
      setWanted(chosen);
      setLast(id);
    },
  };
}

function Queue({ search }: { search: CasesSearch }) {
  const navigate = useNavigate();
  const question = useQuery(queueQuery(search));
  const counts = useQuery(queueCountsQuery(search)).data;
  const mayWork = useRights()?.may("cases.write") === true;
  const take = useTake();
  const items = question.data?.items ?? noCases;
  const choice = useChoice(items);

  useKeys({
    j: () => moveChoice(1),
    k: () => moveChoice(-1),
    e: () => {
      const id = chosenCase();
      if (id !== null) void navigate({ to: "/cases/$id", params: { id } });
    },
    a: () => {
      const id = chosenCase();
      if (id !== null && mayWork) take.mutate(id);
    },
    ...(mayWork
      ? {
          x: () => choice.toggle(chosenCase(), false),
          X: () => choice.toggle(chosenCase(), true),
          Escape: () => choice.choose([]),
        }
      : {}),
  });

  return (
    <>
      <QueueFilters search={search} counts={counts} />
      {take.error !== null && <Notice error={take.error} />}
      <Paged
        question={question}
        cursor={search.cursor}
        onCursor={(cursor) => void navigate({ to: "/cases", search: { ...search, cursor } })}
        words={(count) => plural(count, "case")}
        height={320}
        none={<NoCases search={search} />}
      >
        {(cases) => (
          <QueueTable
            cases={cases}
            stale={question.isPlaceholderData}
            {...(mayWork
              ? {
                  onTake: (one: QueuedCase) => take.mutate(one.id),
                  choosing: { chosen: choice.ids, onToggle: choice.toggle },
                }
              : {})}
          />
        )}
      </Paged>
      {mayWork && (
        <ChosenCases
          chosen={choice.cases}
          onChoose={choice.choose}
          onAll={() => choice.choose(items.map(({ id }) => id))}
        />
      )}
    </>
  );
}

function NoCases({ search }: { search: CasesSearch }) {
  const isFiltered = wishesOf(filterOf(search)).length > 0 || search.overdue !== undefined;
  if (isFiltered)
    return (
      <Empty title="No open case fits these filters">
        <p>Take one of the filters off above, or look at everybody’s cases.</p>
      </Empty>
    );
  if (search.assignee === "me")
    return (
      <Empty title="You have no open case">
        <p>
          Choose Unassigned above, go to a case with <kbd>j</kbd> and take it with <kbd>a</kbd>.
        </p>
      </Empty>
    );
  if (search.assignee !== undefined && search.assignee !== "none")
    return (
      <Empty title="They have no open case">
        <p>
          Give them some from everybody’s cases: choose with <kbd>x</kbd>, then give.
        </p>
      </Empty>
    );
  return (
    <Empty title="No case is open">
      <p>
        A case opens by itself when a rule finds something in what appliances say, and when an owner asks for help on
        the appliance or in the app. It comes with its evidence, and closes when its cause is gone; a safety case, once
        one of you has seen it.
      </p>
    </Empty>
  );
}
