import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ApiProblem, send } from "../../api/client.ts";
import { rulePath } from "../../api/rule-queries.ts";
import type { ServiceRule } from "../../api/rule-shapes.ts";
import { jsonProblem, wrongPlaces } from "../../core/rules.ts";
import { AlertIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { asksToConfirm } from "./mode-switch.tsx";
import classes from "./rules.module.css";

interface RuleEditorProps {
  /** Null for a rule that is written anew. */
  id: string | null;
  text: string;
  onText: (text: string) => void;
  mayChange: boolean;
}

/** The definition as it is written. What is wrong with it is said at its line, by the service that would run it. */
export function RuleEditor({ id, text, onText, mayChange }: RuleEditorProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const save = useMutation({
    mutationFn: ({ confirm }: { confirm: boolean }) => {
      const definition: unknown = JSON.parse(text);
      const path = id === null ? "/api/v1/service/rules" : rulePath(id);
      return send<ServiceRule>(id === null ? "POST" : "PUT", `${path}${confirm ? "?confirm=true" : ""}`, definition);
    },
    onSuccess: async (rule) => {
      await client.invalidateQueries({ queryKey: ["rules"] });
      if (id === null && rule !== null) await navigate({ to: "/rules/$id", params: { id: rule.id } });
    },
  });
  const unreadable = jsonProblem(text);
  const wrong = save.error instanceof ApiProblem ? wrongPlaces(text, save.error.fields, "definition") : [];
  return (
    <section className={page["card"]} aria-label="As it is written">
      <h2>As it is written</h2>
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
        save.error !== null && <Notice error={save.error} />
      )}
      {mayChange && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            disabled={unreadable !== null}
            loading={save.isPending}
            onClick={() => save.mutate({ confirm: false })}
          >
            {id === null ? "Keep the rule" : "Put it in force as the next version"}
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
