import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ApiProblem, isOvertaken, send } from "../../api/client.ts";
import { rulePath } from "../../api/rule-queries.ts";
import type { ServiceRule } from "../../api/rule-shapes.ts";
import { definitionText, jsonProblem, wrongPlaces } from "../../core/rules.ts";
import { AlertIcon } from "../../parts/icons.tsx";
import type { MadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { asksToConfirm } from "./mode-switch.tsx";
import classes from "./rules.module.css";

interface RuleEditorProps {
  /** What the text was made from; null for a rule that is written anew. */
  madeFrom: MadeFrom<ServiceRule> | null;
  text: string;
  onText: (text: string) => void;
  mayChange: boolean;
}

/** The definition as it is written. What is wrong with it is said at its line, by the service that would run it. */
export function RuleEditor({ madeFrom, text, onText, mayChange }: RuleEditorProps) {
  const base = madeFrom?.base ?? null;
  const isBehind = madeFrom !== null && madeFrom.other !== null;
  const client = useQueryClient();
  const navigate = useNavigate();
  const save = useMutation({
    mutationFn: ({ confirm }: { confirm: boolean }) => {
      const definition: unknown = JSON.parse(text);
      const confirmed = `confirm=${confirm}`;
      if (base === null) return send<ServiceRule>("POST", `/api/v1/service/rules?${confirmed}`, definition);
      return send<ServiceRule>("PUT", `${rulePath(base.id)}?basedOn=${base.version}&${confirmed}`, definition);
    },
    onSuccess: async (rule) => {
      if (rule !== null && madeFrom !== null) {
        onText(definitionText(rule.definition));
        madeFrom.saved(rule);
      }
      await client.invalidateQueries({ queryKey: ["rules"] });
      if (base === null && rule !== null) await navigate({ to: "/rules/$id", params: { id: rule.id } });
    },
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: ["rules"] }) : undefined),
  });
  const unreadable = jsonProblem(text);
  const wrong = save.error instanceof ApiProblem ? wrongPlaces(text, save.error.fields, "definition") : [];
  return (
    <section className={page["card"]} aria-label="As it is written">
      <h2>As it is written</h2>
      {madeFrom !== null && (
        <Meanwhile madeFrom={madeFrom} saysOf={({ definition }) => definition} onChosen={save.reset}>
          {({ definition }) => (
            <pre className={classes["json"]} tabIndex={0} aria-label="Their version as it is written">
              {definitionText(definition)}
            </pre>
          )}
        </Meanwhile>
      )}
      <Textarea
        label="Definition, as JSON"
        autosize
        minRows={10}
        maxRows={30}
        value={text}
        readOnly={!mayChange}
        onChange={(event) => {
          save.reset();
          onText(event.currentTarget.value);
        }}
        spellCheck={false}
        classNames={{ input: classes["code"] ?? "" }}
        error={unreadable}
      />
      {wrong.length > 0 ? (
        <ul className={classes["wrong"]} role="alert" aria-label="What is wrong with it">
          {wrong.map(({ place, message, line }) => (
            <li key={`${place} ${message}`}>
              <AlertIcon />
              <span>
                {line !== null && <strong className="numbers">Line {line}. </strong>}
                {place !== "" && <code>{place}</code>} {message}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        save.error !== null && !isOvertaken(save.error) && <Notice error={save.error} />
      )}
      {mayChange && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            disabled={unreadable !== null || isBehind}
            loading={save.isPending}
            onClick={() => save.mutate({ confirm: false })}
          >
            {base === null ? "Keep the rule" : "Put it in force as the next version"}
          </Button>
          {asksToConfirm(save.error) && (
            <Button variant="default" c="var(--wrong)" onClick={() => save.mutate({ confirm: true })}>
              Put it in force all the same
            </Button>
          )}
        </div>
      )}
    </section>
  );
}
