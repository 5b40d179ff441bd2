import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { householdTopicsQuery } from "../../api/household-queries.ts";
import type { ChannelPreferences } from "../../api/household-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { channelWords, quietText } from "../../core/households.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { PreferencesForm } from "./preferences-form.tsx";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

const orderText = (order: ChannelPreferences["order"]): string =>
  order.length === 0 ? "on no channel" : order.map((one) => channelWords[one]).join(", then ");

const weekText = (perWeekMax: number | null): string =>
  perWeekMax === null ? "no bound of their own" : perWeekMax === 0 ? "none at all" : `at most ${perWeekMax} a week`;

const topicsText = (topics: readonly string[]): string => (topics.length === 0 ? "none chosen" : topics.join(", "));

/** How they want to be reached, when not, and what they want to hear of. */
export function Preferences({ household }: SectionProps) {
  const mayWrite = useRights()?.may("households.write") === true;
  const [isChanging, setIsChanging] = useState(false);
  const question = useQuery(householdTopicsQuery(household.id));
  const { order, quiet, perWeekMax } = household.channels;
  return (
    <Section
      title="How to reach them"
      actions={
        mayWrite && (
          <Button variant="default" size="compact-md" onClick={() => setIsChanging(true)}>
            Change…
          </Button>
        )
      }
    >
      <dl className={classes["preferences"]}>
        <dt>Channels</dt>
        <dd>{orderText(order)}</dd>
        <dt>Quiet hours</dt>
        <dd>{quietText(quiet)}</dd>
        <dt>Offers and news</dt>
        <dd>{weekText(perWeekMax)}</dd>
        {question.data !== undefined && (
          <>
            <dt>Topics</dt>
            <dd>{topicsText(question.data.topics)}</dd>
          </>
        )}
      </dl>
      <QuestionNotice question={question} />
      <p className={page["note"]}>Safety and security come at any hour, and count for no bound.</p>
      <Dialog title="How to reach them" opened={isChanging} onClose={() => setIsChanging(false)}>
        {isChanging && <PreferencesForm household={household} onDone={() => setIsChanging(false)} />}
      </Dialog>
    </Section>
  );
}
