import { Button, Checkbox, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, send } from "../../api/client.ts";
import { offerPath, offersQuery, programQuery } from "../../api/loyalty-queries.ts";
import type { Offer, Tier } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { keyFrom, wrongAt, type Wrongs, wrongsOf } from "../../core/field-wrongs.ts";
import { newOffer, offerDefinitionOf, type OfferDraft, offerDraftOf, offerWrongs } from "../../core/goods-draft.ts";
import { moneyDigits } from "../../core/loyalty.ts";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { CountField } from "./fields.tsx";
import { EditorHead, Save } from "./frame.tsx";
import classes from "./loyalty.module.css";
import { TierSelect } from "./reward-page.tsx";

const route = getRouteApi("/loyalty/offers/$key");

/** One offer: the article, its list price, and who has it for less, why, and when. */
export function OfferPage() {
  const { key } = route.useParams();
  const question = useQuery({ ...offersQuery, refetchInterval: false });
  const program = useQuery({ ...programQuery, refetchInterval: false });
  const offers = question.data?.items;
  const offer = offers?.find((one) => one.key === key) ?? null;
  if (offers === undefined || program.data === undefined)
    return (
      <div className={page["page"]}>
        <QuestionNotice question={question.error === null ? program : question} />
        {question.error === null && program.error === null && <Skeleton height={420} radius={10} />}
      </div>
    );
  if (key !== "new" && offer === null)
    return (
      <Empty title="There is no such offer">
        <p>
          The <Link to="/loyalty">loyalty page</Link> has all of them.
        </p>
      </Empty>
    );
  const { tiers } = program.data.definition;
  return (
    <Editor key={`${key} ${offer?.version ?? 0}`} offer={offer} tiers={tiers} keys={offers.map((one) => one.key)} />
  );
}

interface EditorProps {
  offer: Offer | null;
  tiers: readonly Tier[];
  keys: readonly string[];
}

function Editor({ offer, tiers, keys }: EditorProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const readOnly = useRights()?.may("loyalty.rules") !== true;
  const [draft, setDraft] = useState(() => (offer === null ? newOffer : offerDraftOf(offer.definition)));
  const [isAsked, setIsAsked] = useState(false);
  const missing = new Map(offerWrongs(draft));
  // A currency that is half written is none that amounts could be reckoned in.
  const definition = missing.has("/currency") ? null : offerDefinitionOf(draft);
  const key = offer?.key ?? keyFrom(draft.title);
  const save = useMutation({
    mutationFn: () => send<Offer>("PUT", offerPath(key), definition),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["loyalty"] });
      await navigate({ to: "/loyalty" });
    },
  });
  if (offer === null && keys.includes(key)) missing.set("/title", "There is an offer of this name already.");
  const said = save.error instanceof ApiProblem ? wrongsOf(save.error.fields) : new Map<string, string>();
  const before = offer === null ? null : JSON.stringify(offerDefinitionOf(offerDraftOf(offer.definition)));
  return (
    <div className={page["page"]}>
      <EditorHead title={offer?.definition.title ?? "New offer"}>
        The list price is the same everywhere. A household pays the lowest price that its tier reaches, and reads why.
      </EditorHead>
      <form className={`${page["card"]} ${classes["narrow"]}`} aria-label="The offer">
        <OfferFields
          draft={draft}
          tiers={tiers}
          wrongs={isAsked && missing.size > 0 ? missing : said}
          readOnly={readOnly}
          onChange={(more) => {
            save.reset();
            setDraft((was) => ({ ...was, ...more }));
          }}
        />
        {!readOnly && (
          <Save
            label={offer === null ? "Make the offer ready" : "Save the changes"}
            isChanged={JSON.stringify(definition) !== before}
            isPending={save.isPending}
            error={save.error}
            confirm={
              offer === null
                ? null
                : {
                    title: `Change ${offer.definition.title}?`,
                    body: (
                      <p>
                        {draft.enabled
                          ? "Every household that it is made to from now on has it as it stands here. Those that have it already keep their price."
                          : "It is made to nobody any more. Those that have it already may still order."}
                      </p>
                    ),
                  }
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
  draft: OfferDraft;
  wrongs: Wrongs;
  readOnly: boolean;
  onChange: (more: Partial<OfferDraft>) => void;
}

function OfferFields({ tiers, ...props }: FieldsProps & { tiers: readonly Tier[] }) {
  const { draft, wrongs, readOnly, onChange } = props;
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
      <div className={classes["effect"]}>
        <TextInput
          label="Article"
          description="As the shop knows it."
          value={draft.article}
          maxLength={100}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/article")}
          onChange={(event) => onChange({ article: event.currentTarget.value })}
        />
        <TextInput
          label="Currency"
          description="Such as EUR."
          value={draft.currency}
          maxLength={3}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/currency")}
          onChange={(event) => onChange({ currency: event.currentTarget.value.toUpperCase() })}
        />
      </div>
      <Prices {...props} tiers={tiers} />
      <Validity {...props} />
      <Checkbox
        label="It may be made to households"
        checked={draft.enabled}
        disabled={readOnly}
        onChange={(event) => onChange({ enabled: event.currentTarget.checked })}
      />
    </>
  );
}

function Prices({ draft, tiers, wrongs, readOnly, onChange }: FieldsProps & { tiers: readonly Tier[] }) {
  const digits = /^[A-Z]{3}$/.test(draft.currency) ? moneyDigits(draft.currency) : 2;
  const suffix = ` ${draft.currency}`;
  const money = { digits, suffix, readOnly, max: 1_000_000, isMoney: true };
  const put = (at: number, more: Partial<OfferDraft["prices"][number]>) =>
    onChange({ prices: draft.prices.map((one, place) => (place === at ? { ...one, ...more } : one)) });
  return (
    <fieldset className={classes["part"]}>
      <legend>Prices</legend>
      <div className={classes["effect"]}>
        <CountField
          {...money}
          label="List price"
          description="The same on every channel."
          value={draft.listPrice}
          error={wrongAt(wrongs, "/listPriceMinor")}
          onChange={(listPrice) => onChange({ listPrice })}
        />
        <CountField
          {...money}
          label="Floor"
          description="Nobody ever pays less."
          value={draft.floor}
          error={wrongAt(wrongs, "/floorMinor")}
          onChange={(floor) => onChange({ floor })}
        />
      </div>
      {draft.prices.map((one, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- prices have no names of their own
        <div key={at} className={classes["effect"]} role="group" aria-label={`Own price ${at + 1}`}>
          <TierSelect
            label="For"
            tiers={tiers}
            value={one.tier}
            readOnly={readOnly}
            error={wrongAt(wrongs, `/prices/${at}/tier`)}
            onChange={(tier) => put(at, { tier })}
          />
          <CountField
            {...money}
            label="Own price"
            value={one.price}
            error={wrongAt(wrongs, `/prices/${at}/priceMinor`)}
            onChange={(price) => put(at, { price })}
          />
          <TextInput
            label="Reason"
            placeholder="You descale in time"
            value={one.reason}
            maxLength={200}
            readOnly={readOnly}
            error={wrongAt(wrongs, `/prices/${at}/reason`)}
            onChange={(event) => put(at, { reason: event.currentTarget.value })}
          />
          {!readOnly && (
            <Button
              variant="subtle"
              className={classes["remove"] ?? ""}
              aria-label={`Remove own price ${at + 1}`}
              onClick={() => onChange({ prices: draft.prices.toSpliced(at, 1) })}
            >
              Remove
            </Button>
          )}
        </div>
      ))}
      {!readOnly && draft.prices.length < 20 && (
        <Button
          variant="default"
          className={classes["add"] ?? ""}
          onClick={() => onChange({ prices: [...draft.prices, { tier: "", price: "", reason: "" }] })}
        >
          A price for others
        </Button>
      )}
      <Checkbox
        label="It costs points too"
        checked={draft.pointsCost !== null}
        disabled={readOnly}
        onChange={(event) => onChange({ pointsCost: event.currentTarget.checked ? "" : null })}
      />
      {draft.pointsCost !== null && (
        <CountField
          label="Points beside the price"
          value={draft.pointsCost}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/pointsCost")}
          onChange={(pointsCost) => onChange({ pointsCost })}
        />
      )}
    </fieldset>
  );
}

const Validity = ({ draft, wrongs, readOnly, onChange }: FieldsProps) => (
  <fieldset className={classes["part"]}>
    <legend>When it is made</legend>
    <p className={page["note"]}>Empty: without a bound. No household has it for longer.</p>
    <div className={classes["effect"]}>
      <TextInput
        type="date"
        label="First day"
        value={draft.fromDay}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/fromMs")}
        onChange={(event) => onChange({ fromDay: event.currentTarget.value })}
      />
      <TextInput
        type="date"
        label="Last day"
        value={draft.lastDay}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/untilMs")}
        onChange={(event) => onChange({ lastDay: event.currentTarget.value })}
      />
    </div>
  </fieldset>
);
