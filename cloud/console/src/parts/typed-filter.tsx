import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";

/** How long to wait for the next letter. */
const typingMs = 250;

interface TypedFilterProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** A filter that is typed: said when the typing rests, and rewritten when the address changes by other ways. */
export function TypedFilter({ label, value = "", onChange }: TypedFilterProps) {
  const [text, setText] = useState(value);
  const said = useRef(value);
  const say = useDebouncedCallback((typed: string) => {
    said.current = typed;
    onChange(typed === "" ? undefined : typed);
  }, typingMs);

  // What is being typed at this moment is not touched.
  useEffect(() => {
    if (value === said.current) return;
    said.current = value;
    setText(value);
  }, [value]);

  return (
    <TextInput
      type="search"
      label={label}
      size="sm"
      autoComplete="off"
      spellCheck={false}
      maxLength={64}
      value={text}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        say(typed.trim());
      }}
      // Said at once when the field is left: said later, it would call back whoever followed a link meanwhile.
      onBlur={() => say.flush()}
    />
  );
}
