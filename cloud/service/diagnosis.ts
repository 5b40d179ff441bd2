import type { Readable } from "node:stream";
import { z } from "zod";
import { commandLifeMs, type Reply } from "#protocol/command.ts";
import { logBytesMax } from "#protocol/help.ts";
import type { DeliveryMove, NewDelivery } from "../deliveries/deliveries.ts";
import type { ReplyFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { checkLink, signLink } from "../platform/signed-link.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { appliancesOf } from "./case-appliances.ts";
import { mergedInto } from "./case-row.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import type { CaseEntriesStore } from "./case-entries-store.ts";
import type { CasesStore } from "./cases-store.ts";
import { type Diagnosis, type DiagnosisKind, type DiagnosisReply, DiagnosisStore } from "./diagnosis-store.ts";
import { LogFiles, type StoredLog } from "./log-files.ts";

export type { Diagnosis } from "./diagnosis-store.ts";

export interface DiagnosisDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  appliances: ServiceAppliances;
  store: CasesStore;
  entries: CaseEntriesStore;
  deliveries: { create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }> };
  /** Where logs lie. */
  artifactsDir: string;
  /** Of this installation: signs the addresses that logs are sent to. */
  secret: Buffer;
  publicUrl: () => string;
}

/** So long a log may be sent after it was asked for, and may take to come once it has begun. */
export const logUploadMs = 900_000;
const receivingMsMax = 600_000;
const logsKeptMs = 30 * 86_400_000;
/** How many one case can have; the oldest are nobody's help any more by then. */
const diagnosesPerCaseMax = 50;
/** Logs that come at the same time. */
const receivingMax = 8;
const atOnceMax = 200;
/** Of a result as JSON. */
const resultBytesMax = 32_768;
const commandPriority = 6;

const uploadPath = (id: string): string => `/files/uploads/${id}`;

export interface GivenUpload {
  id: string;
  device: string;
  expiresAtMs: number;
  signature: string;
}

type UploadRefusal =
  | "upload_link_not_valid"
  | "upload_link_expired"
  | "upload_link_used"
  | "uploads_busy"
  | "upload_not_gzip"
  | "upload_not_text"
  | "upload_broken";

/** What appliances are asked about themselves for a case: a self-test, and their log. */
export class DiagnosisDesk {
  readonly #deps: DiagnosisDeps;
  readonly #store = new DiagnosisStore();
  readonly #files: LogFiles;
  #receiving = 0;

  constructor(deps: DiagnosisDeps) {
    this.#deps = deps;
    this.#files = new LogFiles(deps.artifactsDir, logBytesMax);
  }

  async load(): Promise<void> {
    await this.#files.prepare((ids) => this.#store.withFile(this.#deps.db, ids));
  }

  /** Asks an appliance. One that is away never hears of it: after 30 s the command is dead. */
  async ask(
    by: Principal,
    caseId: string,
    kind: DiagnosisKind,
  ): Promise<
    | { kind: "asked"; diagnosis: Diagnosis }
    | Refused<
        "case_not_found" | "case_merged" | "case_without_appliance" | "diagnosis_under_way" | "too_many_diagnoses"
      >
  > {
    const { db, clock, ids, store, appliances, deliveries, audit } = this.#deps;
    const known = await store.get(db, caseId);
    if (known === null) return refused("case_not_found");
    if (known.state.status === "merged") return refused("case_merged", `It went into case ${known.state.intoId}.`);
    const device = (await appliancesOf(appliances, [known]))(known);
    if (device === undefined) return refused("case_without_appliance");
    const before = await this.#store.ofCase(db, caseId, diagnosesPerCaseMax);
    if (before.length >= diagnosesPerCaseMax) return refused("too_many_diagnoses");
    const nowMs = clock.nowMs();
    const waits = (one: Diagnosis) => one.kind === kind && isWaited(one) && one.untilMs > nowMs;
    if (before.some(waits)) return refused("diagnosis_under_way");
    const id = ids.next();
    const untilMs = nowMs + (kind === "send_log" ? logUploadMs : commandLifeMs);
    const afterCommit = await contested(db, async (tx) => {
      const body = { name: kind, args: kind === "send_log" ? { diagnosis: id } : {} };
      const expiresAtMs = nowMs + commandLifeMs;
      const wanted = { device, kind: "command" as const, subject: kind, body, priority: commandPriority, expiresAtMs };
      const created = await deliveries.create(tx, [wanted]);
      const [commandId] = created.ids;
      if (commandId === undefined) throw new Error("a created command has no id");
      // Held only after the delivery is there: whoever takes the appliance out of its household goes the same way.
      const serviceCase = await store.lock(tx, caseId);
      if (serviceCase === null) throw new Error("a case is never deleted");
      const { householdId } = serviceCase;
      const deviceKey = device.key;
      // It may have gone into another one meanwhile: what is asked then is asked there.
      const of = { id, caseId: mergedInto(serviceCase.state) ?? caseId, deviceKey, kind };
      await this.#store.insert(tx, {
        ...of,
        commandId,
        householdId,
        untilMs,
        askedAtMs: nowMs,
        askedBy: principalText(by),
      });
      await this.#note(tx, [{ ...of, state: "asked" }], principalText(by), nowMs);
      const subject = `case:${caseId}`;
      const after = { diagnosisId: id, kind, deviceId: device.id };
      await audit.record(tx, { principal: by, action: "case.diagnosis_asked", subject, after });
      return created.afterCommit;
    });
    afterCommit();
    const diagnosis = await this.#store.get(db, id);
    if (diagnosis === null) throw new Error("a diagnosis is never deleted");
    return { kind: "asked", diagnosis };
  }

  /** Newest first; null where there is no such case. */
  async list(caseId: string): Promise<Diagnosis[] | null> {
    const { db, store } = this.#deps;
    if ((await store.get(db, caseId)) === null) return null;
    return this.#store.ofCase(db, caseId, diagnosesPerCaseMax);
  }

  /**
   * The command as it goes to the appliance: with the address that its log may be sent to, which stands nowhere else.
   *
   * @param stored the delivery's own
   */
  renderBody(stored: {
    deviceId: string;
    body: Record<string, unknown>;
    expiresAtMs: number;
  }): Record<string, unknown> {
    const asked = storedAsk.safeParse(stored.body).data;
    if (asked === undefined) return stored.body;
    const { secret, publicUrl } = this.#deps;
    const path = uploadPath(asked.args.diagnosis);
    const expiresAtMs = stored.expiresAtMs - commandLifeMs + logUploadMs;
    const signature = signLink(secret, { path, device: stored.deviceId, expiresAtMs });
    const href = `${publicUrl()}${path}?device=${encodeURIComponent(stored.deviceId)}&expires=${expiresAtMs}&signature=${signature}`;
    return { name: asked.name, args: { upload: { href, expiresAtMs, bytesMax: logBytesMax } } };
  }

  /** What appliances reply to commands, in the batch's transaction. Most replies are to other commands. */
  async replied(tx: Db, facts: readonly ReplyFact[]): Promise<void> {
    if (facts.length === 0) return;
    const atMs = this.#deps.clock.nowMs();
    const replies = new Map(facts.map(({ device, reply }) => [reply.commandId, toReply(device.key, reply)]));
    await this.#note(tx, await this.#store.reply(tx, [...replies.values()], atMs), null, atMs);
  }

  /** Commands that ended without a reply. */
  async moved(tx: Db, moves: readonly DeliveryMove[]): Promise<void> {
    const ended = moves.filter(({ kind, to }) => kind === "command" && endsWithoutReply.has(to));
    if (ended.length === 0) return;
    const atMs = this.#deps.clock.nowMs();
    const ids = ended.map(({ deliveryId }) => deliveryId);
    await this.#note(tx, await this.#store.commandsEnded(tx, ids, atMs), null, atMs);
  }

  /** Takes a log in at the address that was made for it: once, in time, by the device it was made for. */
  async receive(
    given: GivenUpload,
    body: Readable,
    isGzip: boolean,
  ): Promise<{ kind: "stored"; log: StoredLog } | Refused<UploadRefusal>> {
    const { db, clock, secret } = this.#deps;
    const { id, device, expiresAtMs, signature } = given;
    const nowMs = clock.nowMs();
    const verdict = checkLink(secret, { path: uploadPath(id), device, expiresAtMs }, signature, nowMs);
    if (verdict !== "valid") return refused(`upload_${verdict}`);
    if (this.#receiving >= receivingMax) return refused("uploads_busy");
    this.#receiving += 1;
    try {
      if (!(await this.#store.claim(db, { id, nowMs, untilMs: nowMs + receivingMsMax })))
        return refused("upload_link_used");
      return await this.#receiveClaimed(id, body, isGzip);
    } finally {
      this.#receiving -= 1;
    }
  }

  /** A log's lines, for its household's export. None where the log has gone meanwhile. */
  lines(id: string): AsyncIterable<string> {
    return this.#files.lines(id);
  }

  /** Opens a log for reading, and puts on record who did. */
  async open(
    by: Principal,
    id: string,
  ): Promise<{ kind: "opened"; diagnosis: Diagnosis; log: Readable } | Refused<"diagnosis_not_found" | "no_log">> {
    const { db, audit } = this.#deps;
    const diagnosis = await this.#store.get(db, id);
    if (diagnosis === null) return refused("diagnosis_not_found");
    if (diagnosis.log === null) return refused("no_log");
    const subject = `case:${diagnosis.caseId}`;
    const after = { diagnosisId: id };
    await transaction(db, (tx) => audit.record(tx, { principal: by, action: "case.log_opened", subject, after }));
    return { kind: "opened", diagnosis, log: this.#files.read(id) };
  }

  /** A device leaves its household: its logs from then go, and what was asked meanwhile is wanted no more. */
  async detach(tx: Db, deviceKey: number): Promise<void> {
    await this.#store.forgetOfDevice(tx, deviceKey, this.#deps.clock.nowMs());
  }

  async forgetHousehold(tx: Db, householdId: string): Promise<void> {
    await this.#store.forgetHousehold(tx, householdId, this.#deps.clock.nowMs());
  }

  /** How many files are still to be deleted, up to the number that goes at once. */
  async filesLeft(): Promise<number> {
    return (await this.#store.filesToDelete(this.#deps.db, atOnceMax)).length;
  }

  /** Ends waits, and deletes what was kept long enough or is to be forgotten. */
  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    await transaction(db, async (tx) => {
      await this.#note(tx, await this.#store.expire(tx, nowMs, atOnceMax), null, nowMs);
    });
    await this.#store.retire(db, nowMs - logsKeptMs, nowMs);
    const ids = await this.#store.filesToDelete(db, atOnceMax);
    if (ids.length === 0) return;
    await Promise.all(ids.map((id) => this.#files.remove(id)));
    await this.#store.filesDeleted(db, ids);
  }

  async #receiveClaimed(
    id: string,
    body: Readable,
    isGzip: boolean,
  ): Promise<{ kind: "stored"; log: StoredLog } | Refused<UploadRefusal>> {
    const { db, clock } = this.#deps;
    const received = await this.#files.receive(id, body, isGzip);
    const atMs = clock.nowMs();
    const found = await transaction(db, async (tx) => {
      const diagnosis =
        received.kind === "stored"
          ? await this.#store.stored(tx, id, received.log, atMs)
          : await this.#store.failed(tx, id, received.rule, atMs);
      if (diagnosis !== null) await this.#note(tx, [diagnosis], null, atMs);
      return diagnosis;
    });
    if (received.kind === "refused") return refused(received.rule);
    if (found === null) {
      // Its household left while it came.
      await this.#files.remove(id);
      return refused("upload_link_used");
    }
    return received;
  }

  /** The line in each case's history. */
  async #note(tx: Db, of: readonly NotedDiagnosis[], by: string | null, atMs: number): Promise<void> {
    const { appliances, entries } = this.#deps;
    if (of.length === 0) return;
    const refs = by === null ? await appliances.refsByKey([...new Set(of.map(({ deviceKey }) => deviceKey))]) : null;
    await entries.add(
      tx,
      of.map(({ id, caseId, deviceKey, kind, state, reason = null, result = null, log = null }) => ({
        caseId,
        deviceKey,
        kind: "diagnosis" as const,
        atMs,
        by: by ?? `device:${refs?.get(deviceKey)?.id ?? ""}`,
        text: null,
        data: { diagnosisId: id, diagnosis: kind, state, reason, ...summary(result), ...(log === null ? {} : { log }) },
      })),
    );
  }
}

type NotedDiagnosis = Pick<Diagnosis, "id" | "caseId" | "deviceKey" | "kind" | "state"> &
  Partial<Pick<Diagnosis, "reason" | "result" | "log">>;

const isWaited = ({ state }: Diagnosis): boolean => state === "asked" || state === "sending" || state === "receiving";

const endsWithoutReply: ReadonlySet<string> = new Set(["failed", "rejected", "expired", "superseded", "cancelled"]);

/** What stands in the delivery of a log's command. */
const storedAsk = z.object({ name: z.literal("send_log"), args: z.object({ diagnosis: z.uuid() }) });

/** What a self-test comes to, where it is one that says so: whether all is well, and which parts are not. */
const selfTestResult = z.object({
  passed: z.boolean(),
  parts: z
    .array(z.object({ part: z.string().max(64), ok: z.boolean() }))
    .max(100)
    .catch([])
    .default([]),
});

function summary(result: Record<string, unknown> | null): Record<string, unknown> {
  const told = selfTestResult.safeParse(result).data;
  if (told === undefined) return {};
  return { passed: told.passed, broken: told.parts.flatMap(({ part, ok }) => (ok ? [] : [part])) };
}

function toReply(deviceKey: number, { commandId, ok, result, reason }: Reply): DiagnosisReply {
  const isTooLarge = Buffer.byteLength(JSON.stringify(result ?? {})) > resultBytesMax;
  const announced = ok && result?.["uploading"] === true;
  return {
    command_id: commandId,
    device_key: deviceKey,
    state: !ok ? "failed" : announced ? "sending" : "answered",
    reason: reason ?? (isTooLarge ? "result_too_large" : null),
    result: isTooLarge ? null : (result ?? null),
  };
}
