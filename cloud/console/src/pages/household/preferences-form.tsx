import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { householdKey, householdPath } from "../../api/household-queries.ts";
import type { ChannelPreferences, Household } from "../../api/household-shapes.ts";
import { channelWords, minuteOf, minuteText } from "../../core/households.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";

type Channel = ChannelPreferences["order"][number];
const channels: readonly Channel[] = ["display", "email", "webhook", "human", "web_push"];

/** The channels with one put at a place; none where it is empty. */
const placed = (order: readonly Channel[], at: number, channel: Channel | undefined): Channel[] => {
  const rest = order.filter((_one, place) => place !== at).filter((one) => one !== channel);
  return channel === undefined ? rest : rest.toSpliced(at, 0, channel);
};

const perWeekOf = (text: string): number | null | undefined => {
  if (text.trim() === "") return null;
  const value = Number(text);
  return Number.isInteger(value) && value >= 0 && value <= 100 ? value : undefined;
};

export function PreferencesForm({ household, onDone }: { household: Household; onDone: () => void }) {
  const client = useQueryClient();
  const { channels: now } = household;
  const [order, setOrder] = useState<readonly Channel[]>(now.order);
  const [isQuiet, setIsQuiet] = useState(now.quiet !== null);
  const [from, setFrom] = useState(minuteText(now.quiet?.fromMinute ?? 21 * 60));
  const [to, setTo] = useState(minuteText(now.quiet?.toMinute ?? 8 * 60));
  const [meanwhile, setMeanwhile] = useState<"hold" | "skip">(now.quiet?.meanwhile ?? "hold");
  const [perWeek, setPerWeek] = useState(now.perWeekMax === null ? "" : String(now.perWeekMax));
  const [fromMinute, toMinute, perWeekMax] = [minuteOf(from), minuteOf(to), perWeekOf(perWeek)];
  const isGood = perWeekMax !== undefined && (!isQuiet || (fromMinute !== null && toMinute !== null));
  const change = useMutation({
    mutationFn: () => {
      const quiet = isQuiet ? { fromMinute, toMinute, meanwhile } : null;
      return send("PATCH", householdPath(household.id), { channels: { order, quiet, perWeekMax } });
    },
    async onSuccess() {
      await client.invalidateQueries({ queryKey: householdKey(household.id) });
      onDone();
    },
  });
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (isGood) change.mutate();
      }}
    >
      {[...order, undefined].slice(0, channels.length).map((channel, at) => (
        <NativeSelect
          // The places are what one sees: each stays where it is when its channel changes.
          // oxlint-disable-next-line react/no-array-index-key
          key={at}
          label={at === 0 ? "First on" : "Then on"}
          value={channel ?? ""}
          onChange={(event) =>
            setOrder(
              placed(
                order,
                at,
                channels.find((one) => one === event.currentTarget.value),
              ),
            )
          }
          data={[
            { value: "", label: "no other channel" },
            ...channels.map((value) => ({ value, label: channelWords[value] })),
          ]}
        />
      ))}
      <Checkbox
        label="Quiet hours, by the clock of the household"
        checked={isQuiet}
        onChange={(event) => setIsQuiet(event.currentTarget.checked)}
      />
      {isQuiet && (
        <>
          <div className={classes["pair"]}>
            <TextInput label="From" type="time" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
            <TextInput label="To" type="time" value={to} onChange={(event) => setTo(event.currentTarget.value)} />
          </div>
          <NativeSelect
            label="What comes meanwhile"
            value={meanwhile}
            onChange={(event) => setMeanwhile(event.currentTarget.value === "skip" ? "skip" : "hold")}
            data={[
              { value: "hold", label: "waits until the end of the quiet hours" },
              { value: "skip", label: "is left out" },
            ]}
          />
        </>
      )}
      <TextInput
        label="Offers and news, at most so many a week"
        description="Empty: no bound of their own. 0: none."
        inputMode="numeric"
        value={perWeek}
        onChange={(event) => setPerWeek(event.currentTarget.value)}
        error={perWeekMax === undefined ? "A whole number from 0 to 100" : undefined}
      />
      {change.error !== null && <Notice error={change.error} />}
      <div className={page["actions"]}>
        <Button type="submit" disabled={!isGood} loading={change.isPending}>
          Save
        </Button>
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
