import { Checkbox, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { wrongAt, type Wrongs } from "../core/field-wrongs.ts";
import type { NumberField } from "../core/number-field.ts";

/** A draft, or a part of one, in the hands of the fields that change it. */
export interface PartProps<Draft> {
  draft: Draft;
  wrongs: Wrongs;
  readOnly: boolean;
  onChange: (more: Partial<Draft>) => void;
}

/** How fields show what somebody else wrote: to be read. */
export const asTheirs = { wrongs: new Map<string, string>(), readOnly: true, onChange: () => {} };

interface FieldProps<Value> {
  value: Value;
  readOnly: boolean;
  error?: string | null;
  onChange: (value: Value) => void;
}

/**
 * Ties fields to a draft by the names that it has for them.
 *
 * @param within the pointer of this draft in what is sent: `/prices/0`
 * @returns for a name (and its pointer from there, where that differs) what the field there shows and does
 */
export const fieldsOf =
  <Draft extends object>({ draft, wrongs, readOnly, onChange }: PartProps<Draft>, within = "") =>
  <Name extends keyof Draft & string>(name: Name, pointer = `/${name}`): FieldProps<Draft[Name]> => ({
    value: draft[name],
    readOnly,
    error: wrongAt(wrongs, `${within}${pointer}`),
    onChange: (value) => onChange({ ...draft, [name]: value }),
  });

interface Named {
  label: string;
  description?: string | undefined;
}

interface TextFieldProps extends Named, FieldProps<string> {
  max: number;
  type?: "date";
  placeholder?: string;
}

export const TextField = ({ max, onChange, ...rest }: TextFieldProps) => (
  <TextInput {...rest} maxLength={max} onChange={(event) => onChange(event.currentTarget.value)} />
);

interface CountFieldProps extends Named, FieldProps<NumberField> {
  max?: number;
  /** Digits behind the point. */
  digits?: number;
  suffix?: string;
  /** All digits behind the point are shown, as of a price. */
  isMoney?: boolean;
}

/** A number half written (`1.`) or with zeros at its end (`30.00`) comes as a text. */
function numberOf(written: string | number): NumberField {
  if (typeof written === "number") return written;
  const number = Number(written);
  return written.trim() === "" || !Number.isFinite(number) ? "" : number;
}

/** A number that may be empty while somebody writes it. */
export function CountField({
  value,
  onChange,
  digits = 0,
  max = 1_000_000,
  isMoney = false,
  ...rest
}: CountFieldProps) {
  const [written, setWritten] = useState<string | number>(value);
  return (
    <NumberInput
      {...rest}
      value={numberOf(written) === value ? written : value}
      min={0}
      max={max}
      clampBehavior="none"
      allowNegative={false}
      allowDecimal={digits > 0}
      decimalScale={digits}
      fixedDecimalScale={isMoney}
      thousandSeparator=","
      onChange={(next) => {
        setWritten(next);
        onChange(numberOf(next));
      }}
    />
  );
}

interface ChoiceFieldProps<Value extends string> extends Named, FieldProps<Value> {
  data: readonly { value: Value; label: string }[];
}

export const ChoiceField = <Value extends string>({ data, readOnly, onChange, ...rest }: ChoiceFieldProps<Value>) => (
  <NativeSelect
    {...rest}
    disabled={readOnly}
    data={data}
    onChange={(event) => {
      const chosen = data.find(({ value }) => value === event.currentTarget.value);
      if (chosen !== undefined) onChange(chosen.value);
    }}
  />
);

export const CheckField = ({ value, readOnly, onChange, ...rest }: Named & FieldProps<boolean>) => (
  <Checkbox {...rest} checked={value} disabled={readOnly} onChange={(event) => onChange(event.currentTarget.checked)} />
);
