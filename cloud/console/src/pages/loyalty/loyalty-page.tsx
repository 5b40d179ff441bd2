import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  earningRulesQuery,
  grantsQuery,
  liabilityQuery,
  offersQuery,
  programQuery,
  redemptionsQuery,
  rewardsQuery,
  vocabularyQuery,
} from "../../api/loyalty-queries.ts";
import type { Offer, OfferGrant, Redemption, Reward, Tier } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import {
  earningSentence,
  grantWords,
  moneyText,
  offerWhenText,
  redemptionWords,
  rewardKindWords,
} from "../../core/loyalty.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./loyalty.module.css";

/** The program: what is owed, what earns, the tiers, and what points are good for. */
export function LoyaltyPage() {
  return (
    <div className={page["page"]}>
      <title>Loyalty · Hearth</title>
      <h1>Loyalty</h1>
      <EngagementTabs current="loyalty" />
      <LiabilityCard />
      <RulesCard />
      <TiersCard />
      <RewardsCard />
      <OffersCard />
    </div>
  );
}

function LiabilityCard() {
  const question = useQuery(liabilityQuery);
  const found = question.data;
  return (
    <section className={page["card"]} aria-label="What the program owes">
      <div>
        <h2>What the program owes</h2>
        <p className={page["note"]}>Points that households hold and may spend. What expires is owed no longer.</p>
      </div>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={48} />
      ) : (
        <dl className={`${classes["figures"]} numbers`}>
          <Figure name="Points to spend" value={found.active} />
          <Figure name="Not yet active" value={found.pending} />
          <Figure name="Households with points" value={found.households} />
          {found.owed > 0 && <Figure name="Owed by households" value={found.owed} />}
          {found.expiring.map(({ days, points }) => (
            <Figure key={days} name={`Expire within ${days} days`} value={points} />
          ))}
        </dl>
      )}
    </section>
  );
}

const Figure = ({ name, value }: { name: string; value: number }) => (
  <div>
    <dt>{name}</dt>
    <dd>{countText(value)}</dd>
  </div>
);

function RulesCard() {
  const question = useQuery(earningRulesQuery);
  const mayChange = useRights()?.may("loyalty.rules") === true;
  const vocabulary = useQuery(vocabularyQuery).data;
  const items = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="What earns points">
      <div className={page["head"]}>
        <div>
          <h2>What earns points</h2>
          <p className={page["note"]}>Each act earns once, for ever, however often it is told.</p>
        </div>
        {mayChange && (
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/loyalty/rules/$key" params={{ key: "new" }} {...props} />}
          >
            New rule
          </Button>
        )}
      </div>
      <QuestionNotice question={question} />
      {question.data === undefined && question.error === null && <Skeleton height={160} />}
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          Nothing earns points yet. A rule names something that households do, and what it is worth.
        </p>
      )}
      <ul className={classes["rules"]}>
        {items.map(({ key, definition }) => (
          <li key={key}>
            <div>
              <Link to="/loyalty/rules/$key" params={{ key }} className={`${page["link"]} ${classes["name"]}`}>
                {definition.title}
              </Link>
              <p className={classes["sentence"]}>{earningSentence(definition, vocabulary, items)}</p>
            </div>
            {definition.enabled ? (
              <StateMark tone="well">In force</StateMark>
            ) : (
              <StateMark tone="plain">Switched off</StateMark>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function TiersCard() {
  const mayChange = useRights()?.may("loyalty.rules") === true;
  const question = useQuery(programQuery);
  const found = question.data;
  return (
    <section className={page["card"]} aria-label="Tiers">
      <div className={page["head"]}>
        <h2>Tiers</h2>
        {mayChange && (
          <Button variant="default" renderRoot={(props) => <Link to="/loyalty/program" {...props} />}>
            Change the tiers
          </Button>
        )}
      </div>
      <div>
        {found !== undefined && (
          <p className={page["note"]}>
            Points of the last {plural(found.definition.periodMonths, "month")} count, and a tier is kept for as long.
            Who is about to lose one is told {plural(found.definition.noticeDays, "day")} before.{" "}
            {found.definition.expiresAfterDays === null
              ? "Points never expire."
              : `Points expire after ${plural(found.definition.expiresAfterDays, "day")}.`}
          </p>
        )}
      </div>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={120} />
      ) : (
        <DataTable
          label="Tiers"
          rows={found.definition.tiers}
          keyOf={({ key }) => key}
          columns={[
            { name: "Tier", lead: true, cell: ({ title }: Tier) => <strong>{title}</strong> },
            { name: "From", isNumber: true, cell: ({ fromPoints }: Tier) => plural(fromPoints, "point") },
            { name: "Multiplies", isNumber: true, cell: ({ multiplierPct }: Tier) => `${multiplierPct} %` },
            { name: "Good for", cell: ({ benefits }: Tier) => (benefits === "" ? null : benefits) },
            {
              name: "Households",
              isNumber: true,
              cell: ({ key, fromPoints }: Tier) =>
                fromPoints === 0 ? "all others" : countText(found.households[key] ?? 0),
            },
          ]}
        />
      )}
    </section>
  );
}

/** The name of a tier by its key. */
function useTierNames(): (key: string) => string {
  const tiers = useQuery(programQuery).data?.definition.tiers ?? [];
  return (key) => tiers.find((tier) => tier.key === key)?.title ?? key;
}

function RewardsCard() {
  const mayChange = useRights()?.may("loyalty.rules") === true;
  const question = useQuery(rewardsQuery);
  const tierName = useTierNames();
  const taken = useQuery(redemptionsQuery).data?.items ?? [];
  const items = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="Rewards">
      <div className={page["head"]}>
        <h2>Rewards</h2>
        {mayChange && (
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/loyalty/rewards/$key" params={{ key: "new" }} {...props} />}
          >
            New reward
          </Button>
        )}
      </div>
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          There is nothing yet to spend points on. A reward has a price in points, and may have a stock and a tier.
        </p>
      )}
      {items.length > 0 && (
        <DataTable label="Rewards" rows={items} keyOf={({ key }) => key} columns={rewardColumns(tierName)} />
      )}
      {taken.length > 0 && (
        <>
          <h3>Put aside and redeemed last</h3>
          <DataTable
            label="Put aside and redeemed last"
            rows={taken}
            keyOf={({ id }) => id}
            columns={redemptionColumns}
          />
        </>
      )}
    </section>
  );
}

const rewardColumns = (tierName: (key: string) => string) => [
  {
    name: "Reward",
    lead: true,
    cell: ({ key, definition }: Reward) => (
      <Link to="/loyalty/rewards/$key" params={{ key }} className={`${page["link"]} ${classes["name"]}`}>
        {definition.title}
      </Link>
    ),
  },
  {
    name: "Kind",
    cell: ({ definition: { kind, enabled } }: Reward) =>
      enabled ? rewardKindWords[kind] : `${rewardKindWords[kind]}, taken away`,
  },
  { name: "Costs", isNumber: true, cell: ({ definition }: Reward) => plural(definition.pointsCost, "point") },
  {
    name: "For",
    cell: ({ definition: { tier } }: Reward) => (tier === null ? "everybody" : `${tierName(tier)} and above`),
  },
  {
    name: "Left",
    isNumber: true,
    cell: ({ definition, taken }: Reward) =>
      definition.stock === null ? "as many as one likes" : countText(Math.max(0, definition.stock - taken)),
  },
  { name: "Taken", isNumber: true, cell: ({ taken }: Reward) => countText(taken) },
];

const redemptionColumns = [
  {
    name: "Reward",
    lead: true,
    cell: ({ householdId, title }: Redemption) => (
      <HrefLink href={`/households/${householdId}`} className={page["link"]}>
        {title}
      </HrefLink>
    ),
  },
  { name: "Points", isNumber: true, cell: ({ points }: Redemption) => countText(points) },
  {
    name: "State",
    cell: ({ state }: Redemption) => (
      <StateMark tone={redemptionWords[state].tone}>{redemptionWords[state].words}</StateMark>
    ),
  },
  { name: "When", cell: ({ reservedAtMs }: Redemption) => <Ago atMs={reservedAtMs} /> },
];

function OffersCard() {
  const mayChange = useRights()?.may("loyalty.rules") === true;
  const question = useQuery(offersQuery);
  const tierName = useTierNames();
  const made = useQuery(grantsQuery).data?.items ?? [];
  const items = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="Offers">
      <div className={page["head"]}>
        <h2>Offers</h2>
        {mayChange && (
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/loyalty/offers/$key" params={{ key: "new" }} {...props} />}
          >
            New offer
          </Button>
        )}
      </div>
      <div>
        <p className={page["note"]}>
          The list price is the same everywhere. One touch at the appliance orders, exactly once; ten seconds take it
          back.
        </p>
      </div>
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          None yet. An offer names an article of the shop, its list price, and who has it for less and why.
        </p>
      )}
      {items.length > 0 && (
        <DataTable label="Offers" rows={items} keyOf={({ key }) => key} columns={offerColumns(tierName)} />
      )}
      {made.length > 0 && (
        <>
          <h3>Made to households last</h3>
          <DataTable
            label="Made to households last"
            rows={made}
            keyOf={({ offerId }) => offerId}
            toneOf={({ state }) => (state === "failed" ? "wrong" : "plain")}
            columns={grantColumns}
          />
        </>
      )}
    </section>
  );
}

const offerColumns = (tierName: (key: string) => string) => [
  {
    name: "Offer",
    lead: true,
    cell: ({ key, definition }: Offer) => (
      <Link to="/loyalty/offers/$key" params={{ key }} className={`${page["link"]} ${classes["name"]}`}>
        {definition.title}
      </Link>
    ),
  },
  {
    name: "List price",
    isNumber: true,
    cell: ({ definition: { listPriceMinor, currency } }: Offer) => moneyText({ amountMinor: listPriceMinor, currency }),
  },
  {
    name: "For less",
    cell: ({ definition: { prices, currency } }: Offer) =>
      prices.length === 0
        ? null
        : prices
            .map(
              ({ tier, priceMinor }) =>
                `${tier === null ? "everybody" : tierName(tier)} ${moneyText({ amountMinor: priceMinor, currency })}`,
            )
            .join(", "),
  },
  {
    name: "Points",
    isNumber: true,
    cell: ({ definition: { pointsCost } }: Offer) => (pointsCost === null ? null : countText(pointsCost)),
  },
  { name: "Made", cell: ({ definition }: Offer) => offerWhenText(definition) },
];

const grantColumns = [
  {
    name: "Offer",
    lead: true,
    cell: ({ householdId, title }: OfferGrant) => (
      <HrefLink href={`/households/${householdId}`} className={page["link"]}>
        {title}
      </HrefLink>
    ),
  },
  { name: "Price", isNumber: true, cell: ({ price }: OfferGrant) => moneyText(price) },
  { name: "Why", cell: ({ reason }: OfferGrant) => (reason === "" ? null : reason) },
  {
    name: "State",
    cell: ({ state }: OfferGrant) => <StateMark tone={grantWords[state].tone}>{grantWords[state].words}</StateMark>,
  },
  { name: "Made", cell: ({ grantedAtMs }: OfferGrant) => <Ago atMs={grantedAtMs} /> },
];
