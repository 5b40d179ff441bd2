import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { assigneesQuery } from "../api/case-queries.ts";

interface AssigneeSelectProps {
  label: string;
  /** What stands for nobody in particular. */
  none: string;
  /** A principal; empty: nobody in particular. */
  value: string;
  /** Choices beside people. */
  more?: readonly { value: string; label: string }[];
  /** Whoever it is already is not offered. */
  without?: string | null;
  description?: string;
  size?: "sm";
  onChange: (principal: string) => void;
}

/** Somebody who may work on cases and incidents. */
export function AssigneeSelect(props: AssigneeSelectProps) {
  const { label, none, value, more = [], without = null, description, size, onChange } = props;
  const people = (useQuery(assigneesQuery).data?.items ?? []).filter(({ principal }) => principal !== without);
  // Who is in the address and may work no more keeps a name, so that the filter in force can be seen.
  const isKnown =
    value === "" || [...more.map((one) => one.value), ...people.map(({ principal }) => principal)].includes(value);
  return (
    <NativeSelect
      label={label}
      value={value}
      {...(description === undefined ? {} : { description })}
      {...(size === undefined ? {} : { size })}
      onChange={(event) => onChange(event.currentTarget.value)}
      data={[
        { value: "", label: none },
        ...more,
        ...people.map(({ principal, name }) => ({ value: principal, label: name })),
        ...(isKnown ? [] : [{ value, label: "somebody who left" }]),
      ]}
    />
  );
}
