import { deviceIdPattern } from "#protocol/ids.ts";
import type { DeviceIdentity } from "#protocol/link/messages.ts";
import type { HawkbitClient, Model } from "#protocol/model.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { addressOf, isSigned } from "./core/addresses.ts";
import type { GatewayTokens } from "./gateway-tokens.ts";

/** A client that may come in: which appliance it is, and how its model's clients speak. */
export interface Client {
  device: DeviceRef;
  speaks: HawkbitClient;
}

type Refusal =
  /** No credential of ours at all. */
  | "no_token"
  /** One that does not open this appliance. Told apart from the other only to note a guess. */
  | "wrong_token"
  | "ddi_device_not_found"
  | "ddi_device_blocked"
  | "ddi_model_not_enabled";

export type Login = { kind: "client"; client: Client } | { kind: "refused"; rule: Refusal };

export interface LoginDevices {
  find(ids: string[]): Promise<Map<string, DeviceRef>>;
  model(key: string): Promise<Model | null>;
  tokens: { fits(deviceId: string, token: string): Promise<boolean> };
  identity(deviceId: string): Promise<DeviceIdentity | null>;
}

interface LoginDeps {
  clock: Clock;
  devices: LoginDevices;
  gatewayTokens: Pick<GatewayTokens, "opens">;
  secret: Uint8Array;
}

/** A file of an action, as its address names it. */
interface FileAddress {
  actionId: number;
  file: string;
  query: { e?: string | undefined; s?: string | undefined };
}

const credential = /^(TargetToken|GatewayToken) +(\S{1,200})$/i;
const refused = (rule: Refusal): Login => ({ kind: "refused", rule });

/** Lets clients in: with the appliance's own token, a gateway's, or, to fetch one file, an address that was signed for it. */
export class DdiLogin {
  readonly #deps: LoginDeps;

  constructor(deps: LoginDeps) {
    this.#deps = deps;
  }

  async admit(controllerId: string, authorization: string | undefined, file: FileAddress | null): Promise<Login> {
    const [, scheme = "", token = ""] = credential.exec(authorization ?? "") ?? [];
    const isDeviceId = deviceIdPattern.test(controllerId);
    // The signature speaks for the file alone; what else the client sends beside it does not matter.
    if (file !== null && isDeviceId && this.#isSigned(controllerId, file)) return this.#known(controllerId);
    if (token === "") return refused("no_token");
    if (scheme.toLowerCase() === "gatewaytoken") {
      return (await this.#deps.gatewayTokens.opens(token)) ? this.#known(controllerId) : refused("wrong_token");
    }
    // A blocked appliance and one that does not exist look alike to whoever has no other proof.
    if (!isDeviceId || !(await this.#deps.devices.tokens.fits(controllerId, token))) return refused("wrong_token");
    return this.#known(controllerId);
  }

  #isSigned(device: string, { actionId, file, query }: FileAddress): boolean {
    return isSigned(this.#deps.secret, addressOf.artifact(device, actionId, file), query, this.#deps.clock.nowMs());
  }

  async #known(controllerId: string): Promise<Login> {
    const { devices } = this.#deps;
    const device = (await devices.find([controllerId])).get(controllerId);
    if (device === undefined) return refused("ddi_device_not_found");
    if ((await devices.identity(controllerId)) === null) return refused("ddi_device_blocked");
    const speaks = (await devices.model(device.model))?.hawkbit;
    return speaks === undefined ? refused("ddi_model_not_enabled") : { kind: "client", client: { device, speaks } };
  }
}
