import type { LeftOut } from "../api/shapes.ts";
import { countText } from "../core/numbers.ts";
import page from "./page.module.css";

/** Says how many appliances are missing from an answer about several households, and why. Nothing where none is. */
export function LeftOutNote({ leftOut }: { leftOut: LeftOut | undefined }) {
  if (leftOut === undefined || leftOut === null) return null;
  const isOne = leftOut.devices === 1;
  return (
    <p className={page["note"]} role="status">
      {isOne ? "1 appliance is" : `${countText(leftOut.devices)} appliances are`} left out:{" "}
      {isOne ? "its household" : "their households"} did not agree that their data improves the product. Appliances of
      several households are looked at together with that consent alone.
    </p>
  );
}
