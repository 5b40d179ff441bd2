import type { CampaignFunnel, Counts } from "../../api/campaign-shapes.ts";
import { mostFirst, pointsText, reasonWords, shareText } from "../../core/campaigns.ts";
import { countText } from "../../core/numbers.ts";
import page from "../../parts/page.module.css";
import classes from "./campaigns.module.css";

interface Step {
  words: string;
  count: number;
  isGoal?: boolean;
}

/** From everybody in the audience to those who reached the goal, each step as long as it is large. */
export function Funnel({ funnel, hasGoal }: { funnel: CampaignFunnel; hasGoal: boolean }) {
  const { members, decided, queued, sent, shown, acted, arms } = funnel;
  const steps: Step[] = [
    { words: "In the audience", count: members },
    { words: "Decided", count: decided },
    { words: "To be sent", count: queued },
    { words: "Sent", count: sent },
    { words: "Shown", count: shown },
    { words: "Acted", count: acted },
    ...(hasGoal ? [{ words: "Reached the goal", count: arms.treated.reached, isGoal: true }] : []),
  ];
  const most = Math.max(1, ...steps.map(({ count }) => count));
  return (
    <section className={page["card"]} aria-label="Funnel">
      <h2>Funnel</h2>
      <ol className={classes["steps"]}>
        {steps.map(({ words, count, isGoal = false }) => (
          <li key={words} className={`${classes["step"]} ${isGoal ? classes["goal"] : ""}`}>
            <span>{words}</span>
            <span className={classes["track"]} aria-hidden="true">
              <span style={{ width: `${(100 * count) / most}%`, display: "block" }} className={classes["bar"]} />
            </span>
            <span className={`${classes["number"]} numbers`}>
              {countText(count)}{" "}
              <span className={`${page["soft"]} ${classes["share"]}`}>{shareText(count, members)}</span>
            </span>
          </li>
        ))}
      </ol>
      {hasGoal && <Effect funnel={funnel} />}
    </section>
  );
}

/** Against who was held out: the only comparison that says what the campaign brought about. */
function Effect({ funnel: { arms, lift } }: { funnel: CampaignFunnel }) {
  const { treated, held_out: heldOut } = arms;
  return (
    <div>
      <p>
        <strong>{shareText(treated.reached, treated.households)}</strong> of {countText(treated.households)} reached the
        goal
        {heldOut.households === 0 ? (
          "; nobody is held out."
        ) : (
          <>
            , against <strong>{shareText(heldOut.reached, heldOut.households)}</strong> of{" "}
            {countText(heldOut.households)} who were held out.
          </>
        )}
      </p>
      <p className={page["note"]}>
        {lift === null && "It has not begun."}
        {lift?.kind === "too_few" &&
          `No effect is reckoned yet: each side needs ${lift.perArmMin} households, or chance would do the talking.`}
        {lift?.kind === "too_soon" && `No effect is reckoned in the first ${lift.daysMin} days.`}
        {lift?.kind === "measured" &&
          `The effect is ${pointsText(lift.difference)}; with 95 % confidence between ${pointsText(lift.low)} and ${pointsText(lift.high)}.`}
      </p>
    </div>
  );
}

/** Counts with their reasons in words, the most first; nothing where there is none. */
export function Reasons({ title, counts, empty }: { title: string; counts: Counts; empty: string }) {
  const each = mostFirst(counts).filter(([, count]) => count > 0);
  return (
    <section className={page["card"]} aria-label={title}>
      <h2>{title}</h2>
      {each.length === 0 ? (
        <p className={page["soft"]}>{empty}</p>
      ) : (
        <ul className={classes["reasons"]}>
          {each.map(([reason, count]) => (
            <li key={reason}>
              <span>{reasonWords(reason)}</span>
              <span className="numbers">{countText(count)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
