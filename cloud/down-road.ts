/** What goes to the appliances: deliveries and desired state, when they are ready and when something comes to wait for them. */
import { type Deliveries, Dispatcher, type QuietCommands } from "./deliveries/deliveries.ts";
import { DesiredSender } from "./devices/desired-sender.ts";
import type { Devices } from "./devices/devices.ts";
import type { Firmware } from "./firmware/firmware.ts";
import type { GatewayHub } from "./gateway-hub.ts";
import type { GatewayLinkDeps } from "./ingest/gateway-link.ts";
import type { Clock } from "./platform/clock.ts";
import type { Logger } from "./platform/logger.ts";
import type { Service } from "./service/service.ts";

interface DownRoadDeps {
  clock: Clock;
  logger: Logger;
  hub: GatewayHub;
  devices: Devices;
  deliveries: Deliveries;
  quiet: QuietCommands;
  firmware: Firmware;
  service: Service;
  /** When it is no longer quiet where an appliance stands, of those where it is now. */
  quietEndsAt: (deviceIds: readonly string[]) => Promise<Map<string, number>>;
  /** Lets go what waits for quiet hours that are others by now. */
  quietOver: () => Promise<string[]>;
}

export function createDownRoad(deps: DownRoadDeps) {
  const { clock, logger, hub, devices, deliveries, quiet, firmware, service } = deps;
  const dispatcher = new Dispatcher({
    deliveries,
    link: { deliver: (items) => items.forEach((item) => hub.send({ kind: "deliver", ...item })) },
    clock,
    quietEnds: (deviceIds) => deps.quietEndsAt(deviceIds),
    quietOver: () => deps.quietOver(),
    render: {
      firmware: (delivery) => firmware.renderBody(delivery),
      command: (delivery) => service.diagnosis.renderBody(delivery),
    },
    onError: (error) => logger.warn({ event: "dispatcher.failed", error: String(error) }),
  });
  deliveries.whenWaiting((deviceIds, how) => {
    if (how === "everything") for (const deviceId of deviceIds) dispatcher.onReady(deviceId);
    else if (how === "unhurried") dispatcher.kickUnhurried(deviceIds);
    else dispatcher.kick(deviceIds);
  });
  const desired = new DesiredSender({
    desiredOf: (deviceIds) => devices.desiredOf(deviceIds),
    send: (ref, deviceId, payload) => hub.send({ kind: "deliver", ref, deviceId, channel: "desired", payload }),
    onError: (error) => logger.warn({ event: "desired.failed", error: String(error) }),
  });
  const onLink: Pick<GatewayLinkDeps, "onReady" | "onWritten" | "onNotWritten"> = {
    onReady(deviceId, channels) {
      if (channels.includes("inbox")) dispatcher.onReady(deviceId);
      if (channels.includes("desired")) desired.wanted(deviceId);
    },
    onWritten(ref, atMs) {
      if (!desired.owns(ref) && !quiet.ownsRef(ref)) dispatcher.onWritten(ref, atMs);
    },
    onNotWritten(ref, deviceId, reason) {
      if (desired.owns(ref)) desired.onNotWritten(deviceId, reason);
      else if (!quiet.ownsRef(ref)) dispatcher.onNotWritten(ref, deviceId, reason);
    },
  };
  return { dispatcher, desired, onLink };
}
