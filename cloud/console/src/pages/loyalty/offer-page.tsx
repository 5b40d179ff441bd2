import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { offerMarketsQuery, offerPath, offersQuery } from "../../api/loyalty-queries.ts";
import type { Offer, OfferDefinition } from "../../api/loyalty-shapes.ts";
import {
  digitsOf,
  newOffer,
  newPrice,
  offerDefinitionOf,
  type OfferDraft,
  offerDraftOf,
  offerWrongs,
  withPrices,
} from "../../core/goods-draft.ts";
import { CheckField, CountField, fieldsOf, TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Markets } from "../../parts/markets.tsx";
import page from "../../parts/page.module.css";
import { Rows } from "../../parts/rows.tsx";
import { type GoodsFieldsProps, type GoodsKind, GoodsPage, TierField } from "./goods-page.tsx";
import { TranslatedTitle, Translations } from "./translations.tsx";

const route = getRouteApi("/loyalty/offers/$key");

/** One offer: the article, its list price, and who has it for less, why, and when. */
export const OfferPage = () => <GoodsPage kind={offers} goodsKey={route.useParams().key} />;

const offers: GoodsKind<OfferDraft, OfferDefinition, Offer> = {
  noun: "offer",
  note: "The list price is the same everywhere. A household pays the lowest price that its tier reaches, and reads why.",
  make: "Make the offer ready",
  query: offersQuery,
  pathOf: offerPath,
  none: newOffer,
  draftOf: offerDraftOf,
  definitionOf: offerDefinitionOf,
  wrongsBefore: offerWrongs,
  confirm: (before, after) => ({
    title: `Change ${before.title}?`,
    body: after.enabled
      ? "Every household that it is made to from now on has it as it stands here. Those that have it already keep their price."
      : "It is made to nobody any more. Those that have it already may still order.",
  }),
  Fields: OfferFields,
};

type FieldsProps = GoodsFieldsProps<OfferDraft, Offer>;

function OfferFields(props: FieldsProps) {
  const field = fieldsOf(props);
  return (
    <>
      <div className={form["translation"]}>
        <TextField label="Language" placeholder="en" max={12} {...field("locale")} />
        <TextField label="Title" max={200} {...field("title")} />
      </div>
      <div className={form["fields"]}>
        <TextField label="Article" description="As the shop knows it." max={100} {...field("article")} />
        <TextField
          {...field("currency")}
          label="Currency"
          description="Such as EUR."
          max={3}
          onChange={(currency) => props.onChange({ currency: currency.toUpperCase() })}
        />
      </div>
      <Prices {...props} />
      <OtherLanguages {...props} />
      <fieldset className={form["part"]}>
        <legend>When it is made</legend>
        <p className={page["note"]}>Empty: without a bound. No household has it for longer.</p>
        <div className={form["fields"]}>
          <TextField type="date" label="First day" max={10} {...field("fromDay", "/fromMs")} />
          <TextField type="date" label="Last day" max={10} {...field("lastDay", "/untilMs")} />
        </div>
      </fieldset>
      <CheckField label="It may be made to households" {...field("enabled")} />
      <OfferMarkets {...props} />
    </>
  );
}

/** Title and reasons in other languages. */
function OtherLanguages(props: FieldsProps) {
  const field = fieldsOf(props);
  const { prices } = props.draft;
  return (
    <fieldset className={form["part"]}>
      <legend>In other languages</legend>
      <p className={page["note"]}>
        The title and the reason of each price. Who reads none of them gets what the table below says.
      </p>
      <Translations
        {...field("texts")}
        of="of the offer"
        none={{ title: "", reasons: prices.map(() => "") }}
        wrongs={props.wrongs}
        pointer="/texts"
      >
        {(words, language) => {
          const { value, onChange: put } = words;
          return (
            <>
              <TranslatedTitle {...words} language={language} />
              {prices.map(({ reason }, at) => (
                <TextField
                  // oxlint-disable-next-line react/no-array-index-key -- prices have no name of their own
                  key={at}
                  {...words}
                  label={`Reason ${at + 1} in ${language}`}
                  placeholder={reason}
                  max={200}
                  value={value.reasons[at] ?? ""}
                  onChange={(said) =>
                    put({ ...value, reasons: prices.map((_price, n) => (n === at ? said : (value.reasons[n] ?? ""))) })
                  }
                />
              ))}
            </>
          );
        }}
      </Translations>
    </fieldset>
  );
}

/** Shown once the form could be saved: what is half written speaks no language. */
function OfferMarkets({ draft, readOnly }: FieldsProps) {
  const question = useQuery({
    ...offerMarketsQuery(offerDefinitionOf(draft)),
    enabled: !readOnly && offerWrongs(draft).size === 0,
  });
  const markets = question.data?.markets ?? [];
  return markets.length === 0 ? null : <Markets markets={markets} />;
}

function Prices(props: FieldsProps) {
  const { draft, tiers, wrongs, readOnly, onChange } = props;
  const field = fieldsOf(props);
  const money = { digits: digitsOf(draft), suffix: ` ${draft.currency}`, isMoney: true };
  return (
    <fieldset className={form["part"]}>
      <legend>Prices</legend>
      <div className={form["fields"]}>
        <CountField
          label="List price"
          description="The same on every channel."
          {...money}
          {...field("listPrice", "/listPriceMinor")}
        />
        <CountField label="Floor" description="Nobody ever pays less." {...money} {...field("floor", "/floorMinor")} />
      </div>
      <Rows
        {...field("prices")}
        onChange={(prices) => onChange(withPrices(draft, prices))}
        none={newPrice}
        max={20}
        add="A price for others"
        nameOf={(_price, at) => `own price ${at + 1}`}
        wrongs={wrongs}
        pointer="/prices"
      >
        {(own) => (
          <>
            <TierField label="For" tiers={tiers} {...own("tier")} />
            <CountField label="Own price" {...money} {...own("price", "/priceMinor")} />
            <TextField label="Reason" placeholder="You descale in time" max={200} {...own("reason")} />
          </>
        )}
      </Rows>
      <CheckField
        label="It costs points too"
        value={draft.pointsCost !== null}
        readOnly={readOnly}
        onChange={(costs) => onChange({ pointsCost: costs ? "" : null })}
      />
      {draft.pointsCost !== null && (
        <CountField {...field("pointsCost")} label="Points beside the price" value={draft.pointsCost} />
      )}
    </fieldset>
  );
}
