import { NumberInput } from "@mantine/core";
import { useState } from "react";
import type { NumberField } from "../../core/earning-draft.ts";

interface CountFieldProps {
  label: string;
  description?: string | undefined;
  value: NumberField;
  max?: number;
  /** Digits behind the point. */
  digits?: number;
  suffix?: string;
  /** All digits behind the point are shown, as of a price. */
  isMoney?: boolean;
  readOnly: boolean;
  error: string | null;
  onChange: (value: NumberField) => void;
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
