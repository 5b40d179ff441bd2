import type { Model } from "#protocol/model.ts";
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { modelFeedQuery } from "../../api/model-queries.ts";
import { useRights } from "../../api/rights.ts";
import { plural } from "../../core/numbers.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { ChangeLimits } from "./change-limits.tsx";
import { Recipes } from "./recipes.tsx";

/** What its appliances may do at most, and which live recipes that keeps off its feed. */
export function Limits({ model }: { model: Model }) {
  const mayChange = useRights()?.may("models.write") === true;
  const [changes, setChanges] = useState(false);
  const question = useQuery(modelFeedQuery(model.key));
  const kept = question.data?.kept ?? [];
  return (
    <section className={page["card"]} aria-label="Limits">
      <div className={page["head"]}>
        <h2>Limits</h2>
        {mayChange && (
          <Button variant="default" size="sm" onClick={() => setChanges(true)}>
            Change limits…
          </Button>
        )}
      </div>
      <p>{limitWords(model).join(", ")}</p>
      <QuestionNotice question={question} />
      {question.data !== undefined && kept.length === 0 && (
        <p className={page["note"]}>
          Every live recipe that is meant for its feed is on it. One that asks for more than a limit allows leaves the
          feed with the change, and is back by itself when the limit is raised again.
        </p>
      )}
      {kept.length > 0 && (
        <>
          <p>{plural(kept.length, "live recipe")} kept off its feed by these limits:</p>
          <Recipes recipes={kept} />
        </>
      )}
      {changes && <ChangeLimits model={model} onClose={() => setChanges(false)} />}
    </section>
  );
}

function limitWords({ capabilities }: Model): string[] {
  const { setpoint_c_max: hottest, duration_s_max: longest, probe_c_max: probed, steam, probe } = capabilities;
  return [
    hottest === undefined ? "Sets no temperature" : `Up to ${hottest} °C`,
    longest === undefined ? "any duration" : `at most ${Math.floor(longest / 60)} min at a time`,
    probe ? (probed === undefined ? "probe" : `probe up to ${probed} °C`) : "no probe",
    steam ? "steam" : "no steam",
  ];
}
