import { versionParts } from "../../platform/version-parts.ts";
import type { ReportedState } from "./reported-state.ts";

/** What a rollout's target asks of an appliance, and the appliance itself reports. Null where it has not, or not sensibly. */
export interface DeviceFacts {
  hardware: string | null;
  firmwareVersion: string | null;
  /** The version's leading numbers. */
  firmwareParts: number[] | null;
  /** Counter of the release that it last confirmed. */
  releaseCounter: number | null;
  locale: string | null;
  timeZone: string | null;
}

const factLengthMax = 64;
const counterMax = 2_147_483_647;

/** The facts in what a device has reported. */
export function factsOf(reported: ReportedState): DeviceFacts {
  const text = (key: string): string | null => {
    const value = Object.hasOwn(reported, key) ? reported[key]?.value : undefined;
    return typeof value === "string" && value !== "" && value.length <= factLengthMax ? value : null;
  };
  const counter = Object.hasOwn(reported, "releaseCounter") ? reported["releaseCounter"]?.value : undefined;
  const firmwareVersion = text("firmware");
  return {
    hardware: text("hardware"),
    firmwareVersion,
    firmwareParts: firmwareVersion === null ? null : versionParts(firmwareVersion),
    releaseCounter:
      typeof counter === "number" && Number.isInteger(counter) && counter >= 0 && counter <= counterMax
        ? counter
        : null,
    locale: text("locale"),
    timeZone: text("timeZone"),
  };
}
