import { NumberInput } from "@mantine/core";
import type { NumberField } from "../../core/earning-draft.ts";

interface CountFieldProps {
  label: string;
  description?: string | undefined;
  value: NumberField;
  min?: number;
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

/** A number that may be empty while somebody writes it. */
export const CountField = ({
  onChange,
  digits = 0,
  min = 0,
  max = 1_000_000,
  isMoney = false,
  ...rest
}: CountFieldProps) => (
  <NumberInput
    {...rest}
    min={min}
    max={max}
    clampBehavior="none"
    allowNegative={false}
    allowDecimal={digits > 0}
    decimalScale={digits}
    fixedDecimalScale={isMoney}
    thousandSeparator=","
    onChange={(value) => onChange(typeof value === "number" ? value : "")}
  />
);
