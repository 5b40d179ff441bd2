import { Checkbox, NativeSelect, Skeleton, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, send } from "../../api/client.ts";
import { programQuery, rewardPath, rewardsQuery } from "../../api/loyalty-queries.ts";
import type { Reward, RewardKind, Tier } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { keyFrom, wrongAt, type Wrongs, wrongsOf } from "../../core/field-wrongs.ts";
import {
  newReward,
  rewardDefinitionOf,
  type RewardDraft,
  rewardDraftOf,
  rewardWrongs,
} from "../../core/goods-draft.ts";
import { rewardKindWords } from "../../core/loyalty.ts";
import { plural } from "../../core/numbers.ts";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { CountField } from "./fields.tsx";
import { EditorHead, Save } from "./frame.tsx";
import classes from "./loyalty.module.css";
import { Translations } from "./translations.tsx";

const route = getRouteApi("/loyalty/rewards/$key");

/** One reward: what it is, what it costs, and how many there are. */
export function RewardPage() {
  const { key } = route.useParams();
  const question = useQuery({ ...rewardsQuery, refetchInterval: false });
  const program = useQuery({ ...programQuery, refetchInterval: false });
  const rewards = question.data?.items;
  const reward = rewards?.find((one) => one.key === key) ?? null;
  if (rewards === undefined || program.data === undefined)
    return (
      <div className={page["page"]}>
        <QuestionNotice question={question.error === null ? program : question} />
        {question.error === null && program.error === null && <Skeleton height={420} radius={10} />}
      </div>
    );
  if (key !== "new" && reward === null)
    return (
      <Empty title="There is no such reward">
        <p>
          The <Link to="/loyalty">loyalty page</Link> has all of them.
        </p>
      </Empty>
    );
  const { tiers } = program.data.definition;
  return (
    <Editor key={`${key} ${reward?.version ?? 0}`} reward={reward} tiers={tiers} keys={rewards.map((one) => one.key)} />
  );
}

interface EditorProps {
  reward: Reward | null;
  tiers: readonly Tier[];
  keys: readonly string[];
}

function Editor({ reward, tiers, keys }: EditorProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const readOnly = useRights()?.may("loyalty.rules") !== true;
  const [draft, setDraft] = useState(() => (reward === null ? newReward : rewardDraftOf(reward.definition)));
  const [isAsked, setIsAsked] = useState(false);
  const definition = rewardDefinitionOf(draft);
  const key = reward?.key ?? keyFrom(definition.title);
  const save = useMutation({
    mutationFn: () => send<Reward>("PUT", rewardPath(key), definition),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["loyalty"] });
      await navigate({ to: "/loyalty" });
    },
  });
  const missing = new Map(rewardWrongs(draft));
  if (reward === null && keys.includes(key)) missing.set("/title", "There is a reward of this name already.");
  const said = save.error instanceof ApiProblem ? wrongsOf(save.error.fields) : new Map<string, string>();
  const isChanged =
    reward === null ||
    JSON.stringify(definition) !== JSON.stringify(rewardDefinitionOf(rewardDraftOf(reward.definition)));
  const ends = reward?.definition.enabled === true && !definition.enabled;
  const dearer = reward !== null && reward.definition.pointsCost !== definition.pointsCost;
  return (
    <div className={page["page"]}>
      <EditorHead title={reward?.definition.title ?? "New reward"}>
        Households put it aside with its points, and redeem it in time, or it is released by itself. What is put aside
        keeps its price.
      </EditorHead>
      <form className={`${page["card"]} ${classes["narrow"]}`} aria-label="The reward">
        <RewardFields
          draft={draft}
          tiers={tiers}
          taken={reward?.taken ?? 0}
          wrongs={isAsked && missing.size > 0 ? missing : said}
          readOnly={readOnly}
          onChange={(more) => {
            save.reset();
            setDraft((before) => ({ ...before, ...more }));
          }}
        />
        {!readOnly && (
          <Save
            label={reward === null ? "Offer it to households" : "Save the changes"}
            isChanged={isChanged}
            isPending={save.isPending}
            error={save.error}
            confirm={
              ends || dearer
                ? {
                    title: ends ? `Take ${draft.title} away?` : `Change the price of ${draft.title}?`,
                    body: (
                      <p>
                        {ends
                          ? "No household can put it aside any more. Who did already may still redeem it."
                          : `It costs ${plural(definition.pointsCost, "point")} from now on, for every household. Who put it aside already pays what it cost then.`}
                      </p>
                    ),
                  }
                : null
            }
            onCheck={() => {
              setIsAsked(true);
              return missing.size === 0;
            }}
            onSave={() => save.mutate()}
          />
        )}
      </form>
    </div>
  );
}

interface FieldsProps {
  draft: RewardDraft;
  tiers: readonly Tier[];
  taken: number;
  wrongs: Wrongs;
  readOnly: boolean;
  onChange: (more: Partial<RewardDraft>) => void;
}

const kinds: RewardKind[] = ["product", "voucher", "service", "donation"];

function RewardFields({ draft, tiers, taken, wrongs, readOnly, onChange }: FieldsProps) {
  return (
    <>
      <TextInput
        label="Title"
        value={draft.title}
        maxLength={200}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/title")}
        onChange={(event) => onChange({ title: event.currentTarget.value })}
      />
      <Textarea
        label="What it is"
        value={draft.description}
        maxLength={1_000}
        autosize
        minRows={2}
        readOnly={readOnly}
        onChange={(event) => onChange({ description: event.currentTarget.value })}
      />
      <Translations
        of="of the reward"
        rows={draft.texts}
        none={{ title: "", description: "" }}
        wrongs={wrongs}
        pointer="/texts"
        readOnly={readOnly}
        onChange={(texts) => onChange({ texts })}
        field={(words, put, language) => (
          <>
            <TextInput
              label={`Title in ${language}`}
              value={words.title}
              maxLength={200}
              readOnly={readOnly}
              onChange={(event) => put({ ...words, title: event.currentTarget.value })}
            />
            <TextInput
              label={`What it is in ${language}`}
              value={words.description}
              maxLength={1_000}
              readOnly={readOnly}
              onChange={(event) => put({ ...words, description: event.currentTarget.value })}
            />
          </>
        )}
      />
      <div className={classes["effect"]}>
        <NativeSelect
          label="Kind"
          value={draft.kind}
          disabled={readOnly}
          data={kinds.map((kind) => ({ value: kind, label: rewardKindWords[kind] }))}
          onChange={(event) =>
            onChange({ kind: kinds.find((kind) => kind === event.currentTarget.value) ?? "product" })
          }
        />
        <CountField
          label="Costs, in points"
          value={draft.pointsCost}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/pointsCost")}
          onChange={(pointsCost) => onChange({ pointsCost })}
        />
        <CountField
          label="Put aside for hours"
          value={draft.reserveHours}
          digits={2}
          max={744}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/reserveMs")}
          onChange={(reserveHours) => onChange({ reserveHours })}
        />
        <TierSelect
          label="For whom"
          tiers={tiers}
          value={draft.tier}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/tier")}
          onChange={(tier) => onChange({ tier })}
        />
      </div>
      <Checkbox
        label="There is no end to them"
        checked={draft.stock === null}
        disabled={readOnly}
        onChange={(event) => onChange({ stock: event.currentTarget.checked ? null : "" })}
      />
      {draft.stock !== null && (
        <CountField
          label="How many there are in all"
          description={`${plural(taken, "is", "are")} put aside or redeemed.`}
          value={draft.stock}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/stock")}
          onChange={(stock) => onChange({ stock })}
        />
      )}
      <Checkbox
        label="Households can have it"
        checked={draft.enabled}
        disabled={readOnly}
        onChange={(event) => onChange({ enabled: event.currentTarget.checked })}
      />
    </>
  );
}

interface TierSelectProps {
  label: string;
  tiers: readonly Tier[];
  value: string;
  readOnly: boolean;
  error: string | null;
  onChange: (tier: string) => void;
}

/** From which tier on; "" everybody. */
export const TierSelect = ({ label, tiers, value, readOnly, error, onChange }: TierSelectProps) => (
  <NativeSelect
    label={label}
    value={value}
    disabled={readOnly}
    error={error}
    data={[
      { value: "", label: "everybody" },
      ...tiers.slice(1).map(({ key, title }) => ({ value: key, label: `${title} and above` })),
    ]}
    onChange={(event) => onChange(event.currentTarget.value)}
  />
);
