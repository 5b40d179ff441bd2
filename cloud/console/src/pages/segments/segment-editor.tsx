import { Button, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { send } from "../../api/client.ts";
import { segmentFactsQuery, segmentPath, segmentPreviewQuery } from "../../api/segment-queries.ts";
import type { Segment, SegmentFact } from "../../api/segment-shapes.ts";
import { conditionWith, factGroupsOf, idFrom, inserted } from "../../core/segments.ts";
import { FactChoices } from "../../parts/fact-choices.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Preview } from "./preview.tsx";
import classes from "./segments.module.css";
import { TryHousehold } from "./try-household.tsx";

const typingMs = 350;

/** Where a segment is written: its words and its condition, with the facts to choose from, and beside it whom it means. */
export function SegmentEditor({ segment }: { segment: Segment | null }) {
  const [title, setTitle] = useState(segment?.title ?? "");
  const [description, setDescription] = useState(segment?.description ?? "");
  const [expression, setExpression] = useState(segment?.expression ?? "");
  const [settled] = useDebouncedValue(expression, typingMs);
  const area = useRef<HTMLTextAreaElement>(null);
  const preview = useQuery(segmentPreviewQuery(settled));
  const client = useQueryClient();
  const navigate = useNavigate();
  const id = segment?.id ?? idFrom(title);
  const save = useMutation({
    mutationFn: () =>
      send<Segment>("PUT", segmentPath(id), { title, description, expression, ifVersion: segment?.version ?? 0 }),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ["segments"] });
      if (segment === null && saved !== null)
        await navigate({ to: "/segments/$id", params: { id: saved.id }, search: {} });
    },
  });
  const isChanged =
    title !== segment?.title || description !== segment.description || expression !== segment.expression;
  const refused = preview.data?.kind === "refused" && settled === expression ? preview.data : null;
  const insert = (fact: SegmentFact) => {
    const next = inserted(expression, area.current?.selectionStart ?? expression.length, conditionWith(fact));
    setExpression(next.text);
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(next.cursor, next.cursor);
    });
  };
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
        <Textarea
          ref={area}
          label="Condition"
          value={expression}
          maxLength={2_000}
          autosize
          minRows={3}
          spellCheck={false}
          error={refused === null ? null : refused.detail}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          onChange={(event) => setExpression(event.currentTarget.value)}
        />
        {refused !== null && refused.place !== null && <Marked expression={expression} place={refused.place} />}
        {save.error !== null && <Notice error={save.error} />}
        <div className={page["actions"]}>
          <Button
            type="submit"
            loading={save.isPending}
            disabled={!isChanged || title.trim() === "" || id === "" || expression.trim() === "" || refused !== null}
          >
            {segment === null ? "Save the segment" : "Save the changes"}
          </Button>
        </div>
        <FactList onChoose={insert} />
      </form>
      <div className={classes["beside"]}>
        <Preview preview={preview} isEmpty={expression.trim() === ""} />
        <TryHousehold id={segment?.id ?? null} expression={settled} mayWrite />
      </div>
    </div>
  );
}

/** The condition with the words that cannot be used. */
function Marked({ expression, place: { from, to } }: { expression: string; place: { from: number; to: number } }) {
  return (
    <pre className={classes["expression"]} aria-label="Where it cannot be read">
      <code>
        {expression.slice(0, from)}
        <mark>{expression.slice(from, to) || "\u00A0"}</mark>
        {expression.slice(to)}
      </code>
    </pre>
  );
}

function FactList({ onChoose }: { onChoose: (fact: SegmentFact) => void }) {
  const facts = useQuery(segmentFactsQuery).data?.items ?? [];
  return <FactChoices groups={factGroupsOf(facts)} onChoose={onChoose} />;
}
