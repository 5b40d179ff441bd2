import { Textarea } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { rewardPath, rewardsQuery } from "../../api/loyalty-queries.ts";
import type { Reward, RewardDefinition, RewardKind } from "../../api/loyalty-shapes.ts";
import {
  newReward,
  rewardDefinitionOf,
  type RewardDraft,
  rewardDraftOf,
  rewardWrongs,
} from "../../core/goods-draft.ts";
import { rewardKindWords } from "../../core/loyalty.ts";
import { plural } from "../../core/numbers.ts";
import { CheckField, ChoiceField, CountField, fieldsOf, TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { type GoodsFieldsProps, type GoodsKind, GoodsPage, TierField } from "./goods-page.tsx";
import { TranslatedTitle, Translations } from "./translations.tsx";

const route = getRouteApi("/loyalty/rewards/$key");

/** One reward: what it is, what it costs, and how many there are. */
export const RewardPage = () => <GoodsPage kind={rewards} goodsKey={route.useParams().key} />;

const rewards: GoodsKind<RewardDraft, RewardDefinition, Reward> = {
  noun: "reward",
  note: "Households put it aside with its points, and redeem it in time, or it is released by itself. What is put aside keeps its price.",
  make: "Offer it to households",
  query: rewardsQuery,
  pathOf: rewardPath,
  none: newReward,
  draftOf: rewardDraftOf,
  definitionOf: rewardDefinitionOf,
  wrongsBefore: rewardWrongs,
  confirm: (before, after) => {
    if (before.enabled && !after.enabled)
      return {
        title: `Take ${after.title} away?`,
        body: "No household can put it aside any more. Who did already may still redeem it.",
      };
    if (before.pointsCost === after.pointsCost) return null;
    return {
      title: `Change the price of ${after.title}?`,
      body: `It costs ${plural(after.pointsCost, "point")} from now on, for every household. Who put it aside already pays what it cost then.`,
    };
  },
  Fields: RewardFields,
};

const kinds: RewardKind[] = ["product", "voucher", "service", "donation"];

function RewardFields({ tiers, saved, ...part }: GoodsFieldsProps<RewardDraft, Reward>) {
  const { draft, wrongs, readOnly, onChange } = part;
  const field = fieldsOf(part);
  return (
    <>
      <TextField label="Title" max={200} {...field("title")} />
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
        {...field("texts")}
        of="of the reward"
        none={{ title: "", description: "" }}
        wrongs={wrongs}
        pointer="/texts"
      >
        {(words, language) => {
          const { value, onChange: put } = words;
          return (
            <>
              <TranslatedTitle {...words} language={language} />
              <TextField
                {...words}
                label={`What it is in ${language}`}
                max={1_000}
                value={value.description}
                onChange={(description) => put({ ...value, description })}
              />
            </>
          );
        }}
      </Translations>
      <div className={form["fields"]}>
        <ChoiceField
          label="Kind"
          data={kinds.map((kind) => ({ value: kind, label: rewardKindWords[kind] }))}
          {...field("kind")}
        />
        <CountField label="Costs, in points" {...field("pointsCost")} />
        <CountField label="Put aside for hours" digits={2} max={744} {...field("reserveHours", "/reserveMs")} />
        <TierField label="For whom" tiers={tiers} {...field("tier")} />
      </div>
      <CheckField
        label="There is no end to them"
        value={draft.stock === null}
        readOnly={readOnly}
        onChange={(isEndless) => onChange({ stock: isEndless ? null : "" })}
      />
      {draft.stock !== null && (
        <CountField
          {...field("stock")}
          label="How many there are in all"
          description={`${plural(saved?.taken ?? 0, "is", "are")} put aside or redeemed.`}
          value={draft.stock}
        />
      )}
      <CheckField label="Households can have it" {...field("enabled")} />
    </>
  );
}
