import { Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { type ReactNode, useRef } from "react";
import type { CheckedCondition, RefusedCondition } from "../api/segment-shapes.ts";
import { conditionWith, inserted } from "../core/segments.ts";
import { Marked } from "./expression.tsx";
import { type FactChoice, FactChoices } from "./fact-choices.tsx";

const typingMs = 350;

/** A condition as it stands once its writer pauses: what is asked of the service. */
export const useSettled = (condition: string): string => useDebouncedValue(condition, typingMs)[0];

/** What the service refuses of a condition; null where it does not, or has not answered for it yet. */
export function refusedIn(question: {
  data: CheckedCondition | null | undefined;
  isPlaceholderData: boolean;
}): RefusedCondition | null {
  return question.data?.kind === "refused" && !question.isPlaceholderData ? question.data : null;
}

interface ConditionFieldProps {
  value: string;
  /** What the service says of it as it stands. */
  refused: RefusedCondition | null;
  /** What else is wrong with it. */
  error?: string | null;
  description?: string;
  minRows: number;
  readOnly?: boolean;
  /** What it may read. */
  groups: readonly { title: string; facts: readonly FactChoice[] }[];
  onChange: (value: string) => void;
  /** What stands between it and the facts. */
  children?: ReactNode;
}

/** Where a condition is written: with what cannot be read of it marked, and beneath it the facts to choose from. */
export function ConditionField(props: ConditionFieldProps) {
  const { value, refused, error = null, readOnly = false, groups, onChange, children, ...rest } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const insert = (fact: FactChoice) => {
    const next = inserted(value, area.current?.selectionStart ?? value.length, conditionWith(fact));
    onChange(next.text);
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(next.cursor, next.cursor);
    });
  };
  return (
    <>
      <Textarea
        {...rest}
        ref={area}
        label="Condition"
        value={value}
        maxLength={2_000}
        autosize
        readOnly={readOnly}
        spellCheck={false}
        error={refused?.detail ?? error}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      {refused !== null && refused.place !== null && <Marked text={value} place={refused.place} />}
      {children}
      {!readOnly && <FactChoices groups={groups} onChoose={insert} />}
    </>
  );
}
