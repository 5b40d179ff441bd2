/**
 * How appliances come by what they prove themselves with: production batches and their claim secrets, the list of what was made,
 * certificates, and the list of those that were revoked.
 */
import type { CloudMessage } from "#protocol/link/messages.ts";
import type { CertifiedDevices } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Authority } from "../pki/pki.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { Batches } from "./batches.ts";
import { BatchesStore } from "./batches-store.ts";
import { Certificates } from "./certificates.ts";
import { type Certificate, CertificatesStore } from "./certificates-store.ts";
import { type SerialEvent, type SerialRefusal, stepSerial } from "./core/serial-life.ts";
import { Enrolments, type RefusedEnrolment } from "./enrolments.ts";
import { type ImportLimits, SerialImport } from "./serial-import.ts";
import { type Serial, SerialsStore } from "./serials-store.ts";

export { provisioningProblems } from "./errors.ts";
export { madeSerials } from "./made-serials.ts";
export type { RefusedEnrolment } from "./enrolments.ts";

export interface ProvisioningDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  devices: CertifiedDevices;
  hasModel: (key: string) => Promise<boolean>;
  /** Who signs. Asked each time: it may be renewed. */
  fleet: () => Authority;
  announce: (message: CloudMessage) => void;
  onRefused: (refused: RefusedEnrolment) => void;
  certificateValidMs: number;
  importLimits?: Partial<ImportLimits>;
}

export class Provisioning {
  readonly batches: Batches;
  readonly certificates: Certificates;
  readonly enrolments: Enrolments;
  readonly imports: SerialImport;
  readonly #deps: ProvisioningDeps;
  readonly #serials = new SerialsStore();
  readonly #batchesStore = new BatchesStore();
  readonly #certificatesStore = new CertificatesStore();

  constructor(deps: ProvisioningDeps) {
    this.#deps = deps;
    const { announce, importLimits } = deps;
    this.batches = new Batches({
      ...deps,
      changed: (name, disconnect) => announce({ kind: "forget", name, disconnect }),
    });
    this.certificates = new Certificates(deps);
    this.enrolments = new Enrolments(deps);
    this.imports = new SerialImport({ ...deps, ...(importLimits && { limits: importLimits }) });
  }

  /** An appliance's certificates, the newest first; null where there is no such appliance. */
  async certificatesOf(deviceId: string): Promise<Certificate[] | null> {
    const { db, devices } = this.#deps;
    if ((await devices.standing(db, deviceId)) === null) return null;
    return this.certificates.ofDevice(deviceId);
  }

  serial(serial: string): Promise<Serial | null> {
    return this.#serials.find(this.#deps.db, serial);
  }

  /** Keeps a serial number that was not enrolled yet from it, or lets it be enrolled again. */
  async setSerialBlocked(
    by: Principal,
    serial: string,
    blocked: boolean,
  ): Promise<{ kind: "done"; serial: Serial } | Refused<SerialRefusal | "serial_not_found">> {
    const { db, clock, audit } = this.#deps;
    const on: SerialEvent = blocked ? "blocked" : "unblocked";
    return transaction(db, async (tx) => {
      await this.#serials.lock(tx, `device ${serial}`);
      const known = await this.#serials.find(tx, serial);
      if (known === null) return refused("serial_not_found");
      const step = stepSerial(known.state, on);
      if (step.kind === "refused") return step;
      const changedAtMs = clock.nowMs();
      await this.#serials.setState(tx, serial, step.to, changedAtMs);
      await audit.record(tx, { principal: by, action: `serial.${on}`, subject: `serial:${serial}` });
      return { kind: "done" as const, serial: { ...known, state: step.to, changedAtMs } };
    });
  }

  /**
   * An appliance got a new board: nothing that the old one held lets anybody in, and its serial number can be enrolled once more. Its
   * history and its household stay.
   */
  async reProvision(
    by: Principal,
    deviceId: string,
  ): Promise<
    { kind: "done"; revoked: string[] } | Refused<SerialRefusal | "serial_not_found" | "provisioned_device_not_found">
  > {
    const { db, clock, audit, outbox, devices } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      await this.#serials.lock(tx, `device ${deviceId}`);
      if ((await devices.standing(tx, deviceId)) === null) return refused("provisioned_device_not_found");
      const made = await this.#serials.find(tx, deviceId);
      if (made === null) return refused("serial_not_found");
      const step = stepSerial(made.state, "re_provisioned");
      if (step.kind === "refused") return step;
      const atMs = clock.nowMs();
      if (made.state === "enrolled") await this.#batchesStore.givePlaceBack(tx, made.batch);
      await this.#serials.setState(tx, deviceId, step.to, atMs);
      const revoked = await this.#certificatesStore.revokeAll(tx, deviceId, "superseded", atMs);
      await devices.endTokens(tx, deviceId);
      const subject = `device:${deviceId}`;
      const data = { revoked };
      await audit.record(tx, { principal: by, action: "device.re_provisioned", subject, after: data });
      await outbox.add(tx, [{ type: "hearth.device.re_provisioned", subject, atMs, data }]);
      return { kind: "done" as const, revoked };
    });
    if (outcome.kind === "done") {
      this.certificates.revoked(outcome.revoked);
      devices.credentialsEnded(deviceId);
    }
    return outcome;
  }
}
