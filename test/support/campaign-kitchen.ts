/** What tests of campaigns need beside a kitchen: items that are out, households that agreed, campaigns that run. */
import { sql } from "kysely";
import { afterAll, beforeEach } from "vitest";
import { SetClock } from "./down-road.ts";
import { Kitchen, type KitchenAnswer, type KitchenOptions, type Person } from "./kitchen.ts";

export const dayMs = 86_400_000;

/** A body of PUT or POST /campaigns. */
export type CampaignBody = Record<string, unknown>;

export class CampaignKitchen {
  readonly kitchen: Kitchen;
  #devices = 0;
  readonly #texts = new Map<string, number>();

  constructor(kitchen: Kitchen) {
    this.kitchen = kitchen;
  }

  get nowMs(): number {
    return this.kitchen.clock.nowMs();
  }

  /** A message that may be sent. */
  async message(title: string, more: Record<string, unknown> = {}): Promise<string> {
    const draft = { kind: "message", class: "promotional", locales: { en: { title, text: `${title}.` } }, ...more };
    return this.item(draft);
  }

  /** Any item that may be sent. */
  async item(draft: Record<string, unknown>): Promise<string> {
    const { status, body } = await this.kitchen.as("content", "POST", "/content/items", draft);
    if (status !== 201) throw new Error(`the item was not made: ${JSON.stringify(body)}`);
    await sql`UPDATE content_version SET state = 'live' WHERE item_id = ${body.id}`.execute(this.kitchen.base.db);
    return body.id;
  }

  /** A model that is the kitchen's oven, but bakes with hot air up to this temperature alone: it is there from now on, or says so by now. */
  async limitTo(model: string, setpoint: number): Promise<void> {
    const oven = (await this.kitchen.as("viewer", "GET", "/models/oven")).body;
    const known = await this.kitchen.as("viewer", "GET", `/models/${model}`);
    const version = known.status === 200 ? known.body.version + 1 : 1;
    const capabilities = { ...oven.capabilities, programLimits: [{ program: "HotAir", setpoint_c_max: setpoint }] };
    const next = { ...oven, key: model, version, capabilities };
    const { status, body } = await this.kitchen.as("admin", "PUT", `/models/${model}`, next);
    if (status !== 200) throw new Error(`the limit was refused: ${JSON.stringify(body)}`);
    await this.kitchen.slices.content.tick();
  }

  /** A household with an oven, in Berlin; `agrees` to these purposes. */
  async household(
    serial: string,
    agrees: readonly string[] = ["market"],
    email: string | null = null,
  ): Promise<Person> {
    this.#devices += 1;
    await this.kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: serial, model: "oven", serial }] });
    const person = await this.kitchen.newOwner(serial, `Person ${this.#devices}`);
    await this.kitchen.call(person.key, "PATCH", "/my/household", { timeZone: "Europe/Berlin" });
    if (email !== null) await this.writeTo(person, email);
    for (const purpose of agrees) await this.agree(person, purpose);
    return person;
  }

  async writeTo(person: Person, email: string): Promise<void> {
    await sql`UPDATE household_member SET email = ${email} WHERE id = ${person.memberId}`.execute(this.kitchen.base.db);
  }

  /** The version of the words that a purpose is agreed to in. */
  async textOf(purpose: string): Promise<number | undefined> {
    if (!this.#texts.has(purpose)) {
      const text = { purpose, locale: "en", words: `I agree to ${purpose}.`, inReturn: "Better ideas." };
      const made = await this.kitchen.as("admin", "PUT", "/consents/texts", text);
      if (made.status >= 300) throw new Error(`no text: ${JSON.stringify(made.body)}`);
      this.#texts.set(purpose, made.body.version);
    }
    return this.#texts.get(purpose);
  }

  async agree(person: Person, purpose: string): Promise<void> {
    const version = await this.textOf(purpose);
    const answer = await this.kitchen.call(person.key, "POST", "/my/consents", { purpose, locale: "en", version });
    if (answer.status >= 300) throw new Error(`no consent: ${JSON.stringify(answer.body)}`);
  }

  async withdraw(person: Person, purpose: string): Promise<void> {
    const answer = await this.kitchen.call(person.key, "POST", "/my/consents/withdrawals", { purpose });
    if (answer.status >= 300) throw new Error(`not withdrawn: ${JSON.stringify(answer.body)}`);
  }

  /** A campaign for ovens in a serial range. */
  campaign(itemIds: string[], from: string, to: string, more: CampaignBody = {}): CampaignBody {
    return {
      kind: "campaign",
      name: "Sunday roasts",
      audience: { kind: "serials", model: "oven", ranges: [{ from, to }] },
      itemIds,
      bestHour: false,
      expiresAtMs: this.nowMs + 30 * dayMs,
      ...more,
    };
  }

  recall(itemId: string, from: string, to: string): CampaignBody {
    const { schedule: _schedule, bestHour: _bestHour, ...rest } = this.campaign([itemId], from, to);
    return { ...rest, kind: "recall", name: "Door hinge" };
  }

  /** Drafted by one, approved by another, and started. */
  async run(body: CampaignBody): Promise<string> {
    const made = await this.kitchen.as("content", "POST", "/campaigns", body);
    if (made.status !== 201) throw new Error(`no campaign: ${JSON.stringify(made.body)}`);
    const { id } = made.body;
    for (const step of ["approve", "start"]) {
      const { status, body: said } = await this.kitchen.as("admin", "POST", `/campaigns/${id}/${step}`);
      if (status !== 200) throw new Error(`${step}: ${JSON.stringify(said)}`);
    }
    return id;
  }

  tick(): Promise<number> {
    return this.kitchen.slices.engagement.tick();
  }

  /** Nobody is held out, and there are no caps but these. */
  async policy(more: Record<string, unknown> = {}): Promise<void> {
    const body = { caps: [], roomMax: 20, holdoutShare: 0, ...more };
    const { status } = await this.kitchen.as("admin", "PUT", "/engagement/policy", body);
    if (status !== 200) throw new Error("the policy was refused");
  }

  async read(id: string): Promise<KitchenAnswer["body"]> {
    return (await this.kitchen.as("viewer", "GET", `/campaigns/${id}`)).body;
  }

  async decisionsOf(person: Pick<Person, "householdId">): Promise<KitchenAnswer["body"]> {
    return (await this.kitchen.as("support", "GET", `/households/${person.householdId}/decisions`)).body.items;
  }

  /** What waits for an appliance. */
  async inbox(device: string): Promise<KitchenAnswer["body"][]> {
    return (await this.kitchen.as("viewer", "GET", `/deliveries?device=${device}`)).body.items;
  }

  async receipt(device: string, deliveryId: string, ...steps: string[]): Promise<void> {
    await this.kitchen.say(
      ...steps.map((step) => ({ device, channel: "receipts" as const, payload: { deliveryId, attempt: 1, step } })),
    );
  }
}

/** What a file of tests of campaigns stands on: a kitchen whose clock they set, and before each of them a policy that is in nobody's way. */
export async function campaignKitchen(
  options: KitchenOptions = {},
): Promise<{ kitchen: Kitchen; stage: CampaignKitchen }> {
  const kitchen = await Kitchen.open({ clock: new SetClock(), ...options });
  afterAll(() => kitchen.close());
  const stage = new CampaignKitchen(kitchen);
  beforeEach(() => stage.policy());
  return { kitchen, stage };
}
