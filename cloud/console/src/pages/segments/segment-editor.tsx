import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { isOvertaken, send } from "../../api/client.ts";
import { segmentFactsQuery, segmentPath, segmentPreviewQuery } from "../../api/segment-queries.ts";
import type { Segment } from "../../api/segment-shapes.ts";
import type { Version } from "../../core/begun.ts";
import { factGroupsOf, idFrom } from "../../core/segments.ts";
import { ConditionField, refusedIn, useSettled } from "../../parts/condition-field.tsx";
import { Expression, InWords } from "../../parts/expression.tsx";
import { useMadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Preview } from "./preview.tsx";
import classes from "./segments.module.css";
import { TryHousehold } from "./try-household.tsx";

type Said = Pick<Segment, "title" | "description" | "expression">;
type Words = Version & Said;
const nothingYet: Words = { version: 0, title: "", description: "", expression: "", createdBy: "", createdAtMs: 0 };
const wordsIn = ({ version, title, description, expression, changedBy, changedAtMs }: Segment): Words => ({
  version,
  title,
  description,
  expression,
  createdBy: changedBy,
  createdAtMs: changedAtMs,
});
const saysOf = ({ title, description, expression }: Words): Said => ({ title, description, expression });

/** Where a segment is written: its words and its condition, with the facts to choose from, and beside it whom it means. */
export function SegmentEditor({ segment }: { segment: Segment | null }) {
  const [title, setTitle] = useState(segment?.title ?? "");
  const [description, setDescription] = useState(segment?.description ?? "");
  const [expression, setExpression] = useState(segment?.expression ?? "");
  const begin = (from: Said) => {
    setTitle(from.title);
    setDescription(from.description);
    setExpression(from.expression);
  };
  const differs = (from: Said) =>
    title !== from.title || description !== from.description || expression !== from.expression;
  const madeFrom = useMadeFrom<Words, Said>({
    newest: segment === null ? nothingYet : wordsIn(segment),
    mine: { title, description, expression },
    mineOf: saysOf,
    write: begin,
  });
  const { base, other } = madeFrom;
  const settled = useSettled(expression);
  const preview = useQuery(segmentPreviewQuery(settled));
  const client = useQueryClient();
  const navigate = useNavigate();
  const id = segment?.id ?? idFrom(title);
  const save = useMutation({
    mutationFn: () =>
      send<Segment>("PUT", segmentPath(id), { title, description, expression, ifVersion: base.version }),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: ["segments"] }) : undefined),
    onSuccess: async (saved) => {
      if (saved !== null) {
        const mine = wordsIn(saved);
        begin(mine);
        madeFrom.saved(mine);
      }
      await client.invalidateQueries({ queryKey: ["segments"] });
      if (segment === null && saved !== null)
        await navigate({ to: "/segments/$id", params: { id: saved.id }, search: {} });
    },
  });
  const isChanged = segment === null || differs(segment);
  const refused = settled === expression ? refusedIn(preview) : null;
  const groups = factGroupsOf(useQuery(segmentFactsQuery).data?.items ?? []);
  return (
    <div className={classes["work"]}>
      <form
        className={page["card"]}
        aria-label="The segment"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextInput
          label="Name"
          value={title}
          maxLength={120}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Textarea
          label="Whom it means, in words"
          value={description}
          maxLength={500}
          autosize
          minRows={1}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <ConditionField value={expression} refused={refused} minRows={3} groups={groups} onChange={setExpression}>
          {refused === null && <InWords text={expression} className={page["note"]} />}
          {save.error !== null && other === null && <Notice error={save.error} />}
          <Meanwhile madeFrom={madeFrom} saysOf={saysOf} onChosen={save.reset}>
            {({ expression: theirs }) => <Expression text={theirs} />}
          </Meanwhile>
          <div className={page["actions"]}>
            <Button
              type="submit"
              loading={save.isPending}
              disabled={
                !isChanged ||
                other !== null ||
                title.trim() === "" ||
                id === "" ||
                expression.trim() === "" ||
                refused !== null
              }
            >
              {segment === null ? "Save the segment" : "Save the changes"}
            </Button>
          </div>
        </ConditionField>
      </form>
      <div className={classes["beside"]}>
        <Preview preview={preview} isEmpty={expression.trim() === ""} />
        <TryHousehold id={segment?.id ?? null} expression={settled} mayWrite />
      </div>
    </div>
  );
}
