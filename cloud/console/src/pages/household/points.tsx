import { Button, Textarea } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { householdKey } from "../../api/household-queries.ts";
import { householdLedgerQuery, householdPointsQuery, loyaltyPath } from "../../api/loyalty-queries.ts";
import type { HouseholdPoints, LedgerEntry } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { entryKindWords, grantWords, moneyText, redemptionWords, signedPoints } from "../../core/loyalty.ts";
import { countText, plural } from "../../core/numbers.ts";
import { dateText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** What they hold and why, entry by entry; what they can do with it, and did. */
export function Points({ household: { id } }: SectionProps) {
  const question = useQuery(householdPointsQuery(id));
  return (
    <Section title="Points">
      <QuestionNotice question={question} />
      {question.data !== undefined && (
        <>
          <Standing points={question.data} />
          <Lots points={question.data} />
          <Taken points={question.data} />
        </>
      )}
      <Entries id={id} />
    </Section>
  );
}

function Standing({ points: { balance, tier, pointsInPeriod, next } }: { points: HouseholdPoints }) {
  return (
    <>
      <dl className={`${page["facts"]} numbers`}>
        <div>
          <dt>To spend</dt>
          <dd>{countText(balance.active)}</dd>
        </div>
        {balance.pending > 0 && (
          <div>
            <dt>Not yet active</dt>
            <dd>{countText(balance.pending)}</dd>
          </div>
        )}
        <div>
          <dt>Tier</dt>
          <dd>
            {tier.title}
            {tier.untilMs !== null && <span className={page["soft"]}> until {dateText(tier.untilMs, localZone)}</span>}
          </dd>
        </div>
      </dl>
      {next !== null && (
        <p className={page["note"]}>
          {countText(pointsInPeriod)} count for the tier; {plural(next.pointsMissing, "point")} more reach {next.title}.
        </p>
      )}
    </>
  );
}

const lotsShown = 4;

function Lots({ points: { lots } }: { points: HouseholdPoints }) {
  const expiring = lots.filter(({ expiresAtMs, left }) => expiresAtMs !== null && left > 0).slice(0, lotsShown);
  if (expiring.length === 0) return null;
  return (
    <div>
      <h3>Expire next</h3>
      <ul className={classes["list"]} aria-label="Points that expire next">
        {expiring.map(({ lot, left, title, expiresAtMs }) => (
          <li key={lot}>
            <div className={classes["row"]}>
              <span>
                <span className="numbers">{countText(left)}</span> {title}
              </span>
              <span className={page["soft"]}>{expiresAtMs !== null && dateText(expiresAtMs, localZone)}</span>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Taken({ points: { redemptions, offers } }: { points: HouseholdPoints }) {
  if (redemptions.length + offers.length === 0) return null;
  return (
    <div>
      <h3>Rewards and offers</h3>
      <ul className={classes["list"]} aria-label="Rewards and offers">
        {redemptions.map(({ id, title, points, state }) => (
          <li key={id}>
            <div className={classes["row"]}>
              <span>
                {title}, {plural(points, "point")}
              </span>
              <StateMark tone={redemptionWords[state].tone}>{redemptionWords[state].words}</StateMark>
            </div>
          </li>
        ))}
        {offers.map(({ offerId, title, price, listPrice, reason, state }) => (
          <li key={offerId}>
            <div className={classes["row"]}>
              <span>
                {title}, {moneyText(price)}
                {reason !== "" && (
                  <span className={page["soft"]}>
                    {" "}
                    in place of {moneyText(listPrice)}: {reason}
                  </span>
                )}
              </span>
              <StateMark tone={grantWords[state].tone}>{grantWords[state].words}</StateMark>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Entries({ id }: { id: string }) {
  const question = useInfiniteQuery(householdLedgerQuery(id));
  const [reversing, setReversing] = useState<LedgerEntry | null>(null);
  const mayReverse = useRights()?.may("loyalty.reverse") === true;
  const entries = question.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <div>
      <h3>Entries</h3>
      <QuestionNotice question={question} />
      {question.data !== undefined && entries.length === 0 && (
        <p className={page["note"]}>
          None yet. They come by themselves from what this household does: cooking, cleaning, updating, giving feedback.
        </p>
      )}
      <ul className={classes["list"]} aria-label="Entries of the ledger">
        {entries.map((entry) => (
          <li key={entry.id}>
            <div className={classes["row"]}>
              <span>
                <strong className="numbers">{signedPoints(entry.points)}</strong> {entry.title}
              </span>
              <span className={page["soft"]}>
                <Ago atMs={entry.atMs} />
              </span>
            </div>
            <div className={classes["row"]}>
              <span className={classes["small"]}>
                {entryKindWords[entry.kind]}
                {entry.state === "pending" && `, counts from ${dateText(entry.activeAtMs, localZone)}`}
                {entry.state === "reversed" && ", taken back later"}
                {entry.deviceId !== null && `, ${entry.deviceId}`}
                {entry.reason !== null && `: ${entry.reason}`}
              </span>
              {mayReverse && entry.kind === "earning" && entry.state !== "reversed" && (
                <Button variant="subtle" size="compact-sm" onClick={() => setReversing(entry)}>
                  Take back
                </Button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {question.hasNextPage && (
        <Button variant="default" loading={question.isFetchingNextPage} onClick={() => void question.fetchNextPage()}>
          Older entries
        </Button>
      )}
      {reversing !== null && <Reverse householdId={id} entry={reversing} onClose={() => setReversing(null)} />}
    </div>
  );
}

function Reverse({ householdId, entry, onClose }: { householdId: string; entry: LedgerEntry; onClose: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const reverse = useMutation({
    mutationFn: () => send("POST", `${loyaltyPath}/transfers/${entry.id}/reverse`, { reason: reason.trim() }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: householdKey(householdId) });
      onClose();
    },
  });
  return (
    <Dialog title={`Take ${plural(entry.points, "point")} back`} opened onClose={onClose}>
      <form
        className={page["form"]}
        onSubmit={(event) => {
          event.preventDefault();
          reverse.mutate();
        }}
      >
        <p>
          “{entry.title}” stays in the ledger, and an entry that takes it back follows it. The household can read the
          reason.
        </p>
        <Textarea
          label="Reason"
          value={reason}
          maxLength={500}
          autosize
          minRows={2}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {reverse.error !== null && <Notice error={reverse.error} />}
        <div className={page["actions"]}>
          <Button type="submit" loading={reverse.isPending} disabled={reason.trim() === ""}>
            Take them back
          </Button>
          <Button variant="default" onClick={onClose}>
            Leave them
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
