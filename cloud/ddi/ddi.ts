import type { Deliveries } from "../deliveries/deliveries.ts";
import type { DeviceRef, ReportedFact } from "../devices/devices.ts";
import type { Firmware } from "../firmware/firmware.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Audit } from "../staff/staff.ts";
import { Actions } from "./actions.ts";
import { AttributesOf } from "./attributes.ts";
import { DdiLogin, type LoginDevices } from "./ddi-login.ts";
import { Downloads } from "./downloads.ts";
import { GatewayTokens } from "./gateway-tokens.ts";
import { Receipts } from "./receipts.ts";
import { Standings } from "./standing.ts";

export { ddiProblems } from "./errors.ts";

export interface DdiDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  deliveries: Pick<Deliveries, "standing" | "stopped" | "ingestReceipts" | "get">;
  devices: LoginDevices & {
    ingestReported(tx: Db, facts: readonly ReportedFact[]): Promise<void>;
    presence: { noteSeen(device: DeviceRef): Promise<void> };
  };
  firmware: Pick<Firmware, "release" | "openImageOf" | "counterOf">;
  /** Where the clock on the wall goes by which windows open. */
  timeZoneOf: (device: DeviceRef) => Promise<string>;
  /** Signs addresses of files. */
  secret: Uint8Array;
  /** Base of every link, without a slash at its end. */
  publicUrl: () => string;
}

/**
 * hawkBit's device API (DDI) on Hearth's deliveries. A delivery is an action with a small number; what a client reports of it becomes
 * receipts. Nothing is kept here of what became of an update: that is the delivery's to say.
 */
export class Ddi {
  readonly login: DdiLogin;
  readonly gatewayTokens: GatewayTokens;
  readonly actions: Actions;
  readonly attributes: AttributesOf;
  readonly downloads: Downloads;
  /** Notes that an appliance was heard of, which has no connection to be seen by. */
  readonly noteSeen: (device: DeviceRef) => Promise<void>;
  /** Base of every link, without a slash at its end. */
  readonly publicUrl: () => string;

  constructor(deps: DdiDeps) {
    const { devices, firmware } = deps;
    const standings = new Standings(deps);
    const receipts = new Receipts(deps);
    this.gatewayTokens = new GatewayTokens(deps);
    this.login = new DdiLogin({ ...deps, gatewayTokens: this.gatewayTokens });
    this.actions = new Actions({ ...deps, standings, receipts });
    this.attributes = new AttributesOf({
      ...deps,
      receipts,
      ingestReported: (tx, facts) => devices.ingestReported(tx, facts),
      counterOf: (model, version) => firmware.counterOf(model, version),
    });
    this.downloads = new Downloads({
      ...deps,
      standings,
      receipts,
      release: (id) => firmware.release(id),
      openImage: (releaseId) => firmware.openImageOf(releaseId),
    });
    this.publicUrl = deps.publicUrl;
    this.noteSeen = (device) => devices.presence.noteSeen(device);
  }
}
