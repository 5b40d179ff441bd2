import { Checkbox, NumberInput, TextInput } from "@mantine/core";
import { noticeKinds, type Subscription } from "../../api/notice-shapes.ts";
import { severityWords } from "../../core/case-words.ts";
import { noticeKindWords } from "../../core/notices.ts";
import { AssigneeSelect } from "../../parts/assignee-select.tsx";
import { severityOrder } from "../../core/service-url.ts";
import told from "../../parts/told.module.css";

/** A list with one more, or without it, in the order in which all are named. */
const toggled = <T,>(all: readonly T[], list: readonly T[], one: T): T[] =>
  all.filter((other) => (other === one ? !list.includes(one) : list.includes(other)));

/** Whom an escalation reaches, divided by commas. */
const reachesOf = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

const isPerson = (reached: string) => reached.startsWith("staff:");

/** What is chosen of a subscription that may leave things out: what is left out is everything. */
export const isAsking = ({ kinds, severities }: Subscription): boolean =>
  kinds?.length !== 0 && severities?.length !== 0;

interface SubscriptionFieldsProps {
  value: Subscription;
  onChange: (value: Subscription) => void;
}

/** What somebody wants to be told of: which kinds, of which severities, from which level on, and whom it reaches. */
export function SubscriptionFields({ value, onChange }: SubscriptionFieldsProps) {
  const { kinds = noticeKinds, severities = severityOrder, levelMin = 0, reaches = [] } = value;
  const person = reaches.find(isPerson) ?? "";
  const others = reaches.filter((one) => !isPerson(one));
  const reach = (who: string, rest: string[]) => {
    const all = who === "" ? rest : [who, ...rest];
    onChange({ ...value, reaches: all.length === 0 ? undefined : all });
  };
  return (
    <>
      <fieldset className={told["choices"]}>
        <legend>Tell them when</legend>
        {noticeKinds.map((one) => (
          <Checkbox
            key={one}
            label={noticeKindWords[one]}
            checked={kinds.includes(one)}
            onChange={() => onChange({ ...value, kinds: toggled(noticeKinds, kinds, one) })}
          />
        ))}
      </fieldset>
      <fieldset className={told["choices"]}>
        <legend>Of these severities</legend>
        {severityOrder.map((one) => (
          <Checkbox
            key={one}
            label={severityWords[one].words}
            checked={severities.includes(one)}
            onChange={() => {
              const chosen = toggled(severityOrder, severities, one);
              onChange({ ...value, severities: chosen.length === severityOrder.length ? undefined : chosen });
            }}
          />
        ))}
      </fieldset>
      <NumberInput
        label="From which level of the escalation on"
        description="0: also what has not escalated"
        min={0}
        max={10}
        allowDecimal={false}
        value={levelMin}
        onChange={(level) =>
          onChange({ ...value, levelMin: typeof level === "number" && level > 0 ? level : undefined })
        }
      />
      <AssigneeSelect
        label="Only what is one colleague’s"
        none="Whosever it is"
        description="What they are given, and what their owners write"
        value={person}
        onChange={(who) => reach(who, others)}
      />
      <TextInput
        label={person === "" ? "Only where it reaches" : "Or where it reaches"}
        description="role:support, role:admin, or a group; empty: whomever it reaches"
        defaultValue={others.join(", ")}
        maxLength={500}
        onChange={(event) => reach(person, reachesOf(event.currentTarget.value))}
      />
    </>
  );
}
