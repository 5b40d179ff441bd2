import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { householdsQuery } from "../../api/household-queries.ts";
import { segmentTestQuery } from "../../api/segment-queries.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";
import { Why } from "./preview.tsx";
import classes from "./segments.module.css";

const offered = 5;

interface TryProps {
  id: string | null;
  expression: string;
  mayWrite: boolean;
}

/** Asks the condition of one household, and says why it is meant or is not. */
export function TryHousehold(of: TryProps) {
  const [q, setQ] = useState<string | undefined>();
  const [chosen, setChosen] = useState<{ id: string; name: string } | null>(null);
  const found =
    useQuery({ ...householdsQuery({ q }), enabled: q !== undefined, refetchInterval: false }).data?.items ?? [];
  const isReady = of.expression.trim() !== "" && chosen !== null;
  const test = useQuery({ ...segmentTestQuery(of, chosen?.id ?? ""), enabled: isReady });
  return (
    <section className={page["card"]} aria-label="Try a household">
      <h2>Try a household</h2>
      <TypedFilter
        label="Its name or an e-mail begins with"
        value={q}
        onChange={(text) => {
          setQ(text);
          setChosen(null);
        }}
      />
      {q !== undefined && chosen === null && (
        <div className={page["actions"]}>
          {found.length === 0 && <p className={page["note"]}>No household begins with that.</p>}
          {found.slice(0, offered).map(({ id, name }) => (
            <Button key={id} variant="default" size="compact-md" onClick={() => setChosen({ id, name })}>
              {name}
            </Button>
          ))}
        </div>
      )}
      {isReady && <QuestionNotice question={test} />}
      {isReady && test.data !== undefined && test.data !== null && (
        <div role="status" className={page["form"]}>
          <p>
            <StateMark tone={test.data.matches ? "well" : "mind"}>
              {chosen.name} {test.data.matches ? "is meant" : "is not meant"}
            </StateMark>
          </p>
          <Why tested={test.data} />
        </div>
      )}
      {q === undefined && <p className={classes["small"]}>See which facts it has, and which of them decide.</p>}
    </section>
  );
}
