import { Button, SegmentedControl } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiProblem, send } from "../../api/client.ts";
import { rulePath } from "../../api/rule-queries.ts";
import type { RuleMode, ServiceRule } from "../../api/rule-shapes.ts";
import { modeWords } from "../../core/rules.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";

const modes: readonly RuleMode[] = ["live", "shadow", "off"];

/** Whether the service asks to be told once more, since the rule would fire on many appliances. */
export const asksToConfirm = (error: Error | null): boolean =>
  error instanceof ApiProblem &&
  (error.code === "service_rule_fires_widely" || error.code === "service_rule_watches_nothing");

/** Live, in its shadow, or off. What would fire widely is asked once more. */
export function ModeSwitch({ rule }: { rule: ServiceRule }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: ({ mode, confirm }: { mode: RuleMode; confirm: boolean }) =>
      send("POST", `${rulePath(rule.id)}/mode?basedOn=${rule.version}${confirm ? "&confirm=true" : ""}`, { mode }),
    onSettled: () => client.invalidateQueries({ queryKey: ["rules"] }),
  });
  const { mode } = rule.definition;
  const asked = change.variables?.mode ?? mode;
  return (
    <section className={page["card"]} aria-label="Whether it acts">
      <div className={page["head"]}>
        <SegmentedControl
          aria-label="Mode"
          value={change.isPending ? asked : mode}
          disabled={change.isPending}
          onChange={(value) => {
            const wanted = modes.find((one) => one === value);
            if (wanted !== undefined) change.mutate({ mode: wanted, confirm: false });
          }}
          data={modes.map((one) => ({ value: one, label: modeWords[one].words }))}
        />
        <p className={page["soft"]}>{modeWords[mode].help}</p>
      </div>
      {change.error !== null && <Notice error={change.error} />}
      {asksToConfirm(change.error) && (
        <div className={page["actions"]}>
          <Button variant="default" c="var(--wrong)" onClick={() => change.mutate({ mode: asked, confirm: true })}>
            Switch it {modeWords[asked].words.toLowerCase()} all the same
          </Button>
        </div>
      )}
    </section>
  );
}
