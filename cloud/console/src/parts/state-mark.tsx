import type { ReactNode } from "react";
import type { Tone } from "../core/rollouts.ts";
import { AlertIcon, CheckIcon } from "./icons.tsx";
import page from "./page.module.css";

const tones: Record<Tone, string> = { plain: "soft", well: "well", mind: "mind", wrong: "wrong" };

/** A state by a drawing and a word, so that nobody has to tell two colours apart. */
export const StateMark = ({ tone, children }: { tone: Tone; children: ReactNode }) => (
  <span className={`${page["mark"]} ${page[tones[tone]]}`}>
    {tone === "well" && <CheckIcon />}
    {(tone === "mind" || tone === "wrong") && <AlertIcon />}
    {children}
  </span>
);
