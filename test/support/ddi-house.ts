/** hawkBit's device API as its clients meet it: the whole service by HTTP, with releases from a team's own signed repository. */
import { createHash } from "node:crypto";
import { type HawkbitClient, model as modelSchema } from "#protocol/model.ts";
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import { offerBody } from "../../cloud/firmware/firmware.ts";
import { transaction } from "../../cloud/platform/database.ts";
import type { StaffRole } from "../../cloud/staff/staff.ts";
import type { SetClock } from "./down-road.ts";
import { Kitchen } from "./kitchen.ts";
import { ovenModel } from "./ovens.ts";
import type { ReleaseKit } from "./release-kit.ts";

export interface DdiAnswer {
  status: number;
  headers: Record<string, unknown>;
  body: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
  text: string;
}

type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

export interface OfferOptions {
  consent?: "automatic" | "ask" | "given";
  notBeforeMs?: number | null;
  windows?: MaintenanceWindow[];
  lifeMs?: number;
}

const system = { kind: "system" } as const;

interface DdiHouseOptions {
  clock?: SetClock;
  pollMs?: { idle: number; busy: number };
  /** What each model's clients mean by success; null: it has none. */
  models?: Record<string, HawkbitClient | null>;
}

export class DdiHouse {
  readonly kitchen: Kitchen;
  readonly kit: ReleaseKit;
  #url = "https://hearth.example";

  private constructor(kitchen: Kitchen, kit: ReleaseKit, options: Required<Pick<DdiHouseOptions, "models">>) {
    this.kitchen = kitchen;
    this.kit = kit;
    this.#models = options.models;
  }

  readonly #models: Record<string, HawkbitClient | null>;

  static async open(options: DdiHouseOptions = {}): Promise<DdiHouse> {
    const { clock, pollMs, models = { oven: { success: "booted" } } } = options;
    let house: DdiHouse | undefined;
    const kitchen = await Kitchen.open({
      publicUrl: () => house?.url ?? "https://hearth.example",
      ...(clock === undefined ? {} : { clock }),
      ...(pollMs === undefined ? {} : { ddiPollMs: pollMs }),
    });
    for (const key of Object.keys(models)) await putModel(kitchen, key, models[key] ?? null);
    house = new DdiHouse(kitchen, await kitchen.releaseKit(...Object.keys(models)), { models });
    return house;
  }

  get slices() {
    return this.kitchen.slices;
  }

  get clock(): SetClock {
    return this.kitchen.clock;
  }

  get url(): string {
    return this.#url;
  }

  close(): Promise<void> {
    return this.kitchen.close();
  }

  /** Lets real clients in, on a port of this machine. */
  async listen(): Promise<string> {
    this.#url = await this.kitchen.app.listen({ host: "127.0.0.1", port: 0 });
    return this.#url;
  }

  /** Registers an appliance. @returns its token */
  async oven(id: string, model = "oven"): Promise<string> {
    const outcome = await this.slices.devices.register(system, [{ id, model }]);
    if (outcome.kind === "refused") throw new Error(outcome.rule);
    return outcome.tokens.get(id) ?? "";
  }

  /**
   * Publishes an image of whatever bytes: the model says only afterwards that its appliances install it, so that the image itself is not
   * looked into. A cloud that lies would do the same.
   *
   * @param isChecked the image is looked into as any other
   * @returns the release's id
   */
  async release(
    version: string,
    bytes: Uint8Array,
    { model = "oven", isChecked = false }: { model?: string; isChecked?: boolean } = {},
  ): Promise<string> {
    if (!isChecked) await putModel(this.kitchen, model, null);
    const { id } = await this.kit.publish(Buffer.from(bytes), { model, version, path: `fw/${model}/${version}.swu` });
    if (!isChecked) await putModel(this.kitchen, model, this.#models[model] ?? null);
    return id;
  }

  /** Creates the delivery of a release. @returns its id */
  async offer(deviceId: string, releaseId: string, options: OfferOptions = {}): Promise<string> {
    const release = await this.slices.firmware.release(releaseId);
    const device = (await this.slices.devices.find([deviceId])).get(deviceId);
    if (release === null || device === undefined) throw new Error("there is no such thing");
    const { consent = "automatic", notBeforeMs = null, windows = [], lifeMs = 30 * 86_400_000 } = options;
    const body = {
      ...offerBody(release, { rolloutId: null, consent, notBeforeMs, postponeUntilMsMax: null, windows }),
    };
    const expiresAtMs = this.clock.nowMs() + lifeMs;
    const shared = { kind: "firmware", subject: "firmware", label: release.version, priority: 5, expiresAtMs } as const;
    const { ids, afterCommit } = await transaction(this.kitchen.base.db, (tx) =>
      this.slices.deliveries.create(tx, [{ device, body, ...shared }]),
    );
    afterCommit();
    const [id] = ids;
    if (id === undefined) throw new Error("nothing was created");
    return id;
  }

  /** What became of a delivery: phase, step, and everything that was said of it. */
  async delivery(id: string) {
    const found = await this.slices.deliveries.get(id);
    if (found === null) throw new Error("there is no such delivery");
    return { ...found.delivery, receipts: found.receipts };
  }

  staff(role: StaffRole): { authorization: string } {
    return { authorization: `Bearer ${this.kitchen.staffKey(role)}` };
  }

  /** One request; `authorization` as the header has it. */
  async ask(
    method: Method,
    url: string,
    sent: {
      authorization?: string;
      headers?: Record<string, string>;
      body?: unknown;
      raw?: string;
      address?: string;
    } = {},
  ): Promise<DdiAnswer> {
    const payload = sent.raw ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
    const response = await this.kitchen.app.inject({
      method,
      url: url.replace(/^https?:\/\/[^/]+/, ""),
      remoteAddress: sent.address ?? "192.0.2.7",
      headers: {
        ...(sent.authorization === undefined ? {} : { authorization: sent.authorization }),
        ...(payload === undefined ? {} : { "content-type": "application/json;charset=UTF-8" }),
        ...sent.headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = String(response.headers["content-type"]).includes("json") && response.body !== "";
    const { statusCode: status, headers, body: text } = response;
    return { status, headers, text, body: isJson ? response.json() : null };
  }
}

async function putModel(kitchen: Kitchen, key: string, hawkbit: HawkbitClient | null): Promise<void> {
  const { devices } = kitchen.slices;
  const version = ((await devices.model(key))?.version ?? ovenModel.version - 1) + 1;
  const speaks = hawkbit === null ? {} : { hawkbit };
  const outcome = await devices.putModel(system, modelSchema.parse({ ...ovenModel, key, version, ...speaks }));
  if (outcome.kind === "refused") throw new Error(outcome.rule);
}

/** A client that does what it is told, one request at a time. */
export class DdiClient {
  readonly #house: DdiHouse;
  readonly id: string;
  readonly authorization: string;

  constructor(house: DdiHouse, id: string, authorization: string) {
    this.#house = house;
    this.id = id;
    this.authorization = authorization;
  }

  ask(method: Method, path: string, sent: Omit<Parameters<DdiHouse["ask"]>[2] & object, "authorization"> = {}) {
    const { authorization } = this;
    const url = path.startsWith("http") ? path : `/default/controller/v1/${this.id}${path}`;
    return this.#house.ask(method, url, { authorization, ...sent });
  }

  async links(): Promise<Record<string, { href: string }>> {
    const { status, body } = await this.ask("GET", "");
    if (status !== 200) throw new Error(`the base answered ${status}`);
    return body._links;
  }

  /** Polls, and reads what is to be installed. */
  async deployment(): Promise<{ actionId: number; artifact: DdiAnswer["body"]; body: DdiAnswer["body"] } | null> {
    const link = (await this.links())["deploymentBase"];
    if (link === undefined) return null;
    const { body } = await this.ask("GET", link.href);
    return { actionId: Number(body.id), artifact: body.deployment.chunks[0].artifacts[0], body };
  }

  report(actionId: number, execution: string, finished = "none", details: string[] = []) {
    const body = { id: String(actionId), status: { execution, result: { finished }, details } };
    return this.ask("POST", `/deploymentBase/${actionId}/feedback`, { body });
  }

  answerCancel(actionId: number, execution: string, finished = "success") {
    const body = { id: String(actionId), status: { execution, result: { finished }, details: [] } };
    return this.ask("POST", `/cancelAction/${actionId}/feedback`, { body });
  }

  put(data: Record<string, string>, mode?: string) {
    return this.ask("PUT", "/configData", { body: { ...(mode === undefined ? {} : { mode }), data } });
  }
}

export const sha1Of = (bytes: Uint8Array): string => createHash("sha1").update(bytes).digest("hex");
