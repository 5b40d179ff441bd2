/** Where else something about a household may lie than in rows that its erasure removes in one transaction. */
import type { Deliveries } from "./deliveries/deliveries.ts";
import { forgetEvents } from "./events/events.ts";
import type { GatewayHub } from "./gateway-hub.ts";
import type { Clock } from "./platform/clock.ts";
import type { Db } from "./platform/database.ts";
import type { FarStore } from "./rights/rights.ts";
import type { Service } from "./service/service.ts";
import { forgetDamaged, inSpool } from "./spool-look.ts";
import { type InfluxReadings, lateDays, type Telemetry } from "./telemetry/telemetry.ts";

interface FarStoresDeps {
  db: Db;
  clock: Clock;
  hub: Pick<GatewayHub, "status">;
  telemetry: Pick<Telemetry, "erasuresWaiting" | "eraseNow">;
  deliveries: Pick<Deliveries, "openBefore">;
  service: Pick<Service, "diagnosis">;
  /** Keeps the readings, where the database does not. */
  influx: Pick<InfluxReadings, "find"> | undefined;
  spoolDir: string | undefined;
}

const nothingHeld = async () => ({ removed: 0, isLeft: false, holdsNothing: true });

const spoolLook = (spoolDir: string): NonNullable<FarStore["look"]> => ({
  place: "files of the spool",
  find: ({ devices }) =>
    inSpool(
      spoolDir,
      devices.map(({ deviceId, toMs }) => ({ deviceId, untilMs: toMs })),
    ),
});

export function farStores(deps: FarStoresDeps): FarStore[] {
  const { db, clock, hub, telemetry, deliveries, service, influx, spoolDir } = deps;
  const lookInSpool = spoolDir === undefined ? null : spoolLook(spoolDir);
  return [
    {
      store: "outbox and webhook deliveries",
      describes: "Events about the household or its appliances, sent and still to be sent.",
      keeps: "That it was erased, under an id that stands for nobody any more, so that other systems erase it too.",
      erase: async ({ ids, devices }) => ({ removed: await forgetEvents(db, { ids, devices }), isLeft: false }),
    },
    {
      store: `telemetry store (PostgreSQL${influx === undefined ? "" : " and InfluxDB"})`,
      describes: `Readings, their averages, and events of appliances while they were the household's. What an appliance still sends late is removed daily for ${lateDays} days.`,
      async erase({ devices }) {
        const left = await telemetry.erasuresWaiting(devices.map(({ deviceKey }) => deviceKey));
        return { removed: null, isLeft: left > 0 };
      },
      // What waited in the spool was stored after its span had been worked off.
      finish: ({ devices }) => telemetry.eraseNow(devices),
      ...(influx === undefined
        ? {}
        : { look: { place: "series of InfluxDB", find: ({ devices }) => influx.find(devices) } }),
    },
    ...(spoolDir === undefined
      ? []
      : [
          {
            store: "damaged pieces of the spool",
            describes:
              "Pieces of the gateway's spool that could not be read and were set aside. Whose words they held cannot be told for certain, so that all of them were deleted.",
            async erase({ devices }: { devices: readonly unknown[] }) {
              return { removed: devices.length === 0 ? 0 : await forgetDamaged(spoolDir), isLeft: false };
            },
          },
        ]),
    {
      store: "gateway's spool",
      describes: "What appliances had said and was not stored yet when the household was erased.",
      async erase(what, erasedAtMs) {
        const behind = hub.status?.behind;
        const oldestMs = Math.max(behind?.effects.oldestMs ?? 0, behind?.points?.oldestMs ?? 0);
        // Empty, or all that is in it came after.
        const isThrough = behind !== undefined && clock.nowMs() - oldestMs > erasedAtMs;
        // The gateway's word may be from before the erasure: the files are not.
        return { removed: null, isLeft: !isThrough || ((await lookInSpool?.find(what)) ?? 0) > 0 };
      },
      ...(lookInSpool === null ? {} : { look: lookInSpool }),
    },
    {
      store: "pending deliveries",
      describes: "What was on its way to the appliances.",
      async erase({ devices }, erasedAtMs) {
        const ids = devices.map(({ deviceId }) => deviceId);
        return { removed: null, isLeft: (await deliveries.openBefore(ids, erasedAtMs)) > 0 };
      },
    },
    {
      store: "files",
      describes: "Logs that appliances uploaded.",
      erase: async () => ({ removed: null, isLeft: (await service.diagnosis.filesLeft()) > 0 }),
    },
    {
      store: "retained topics",
      describes: "The broker keeps public content there, which is the same for every household.",
      erase: nothingHeld,
    },
    { store: "exports", describes: "An export is made as it is read, and never stored.", erase: nothingHeld },
    {
      store: "audit log",
      describes: "Who changed or opened what. No name, e-mail address or word of anybody is ever written there.",
      keeps:
        "Its lines, under ids that stand for nobody any more: each line's hash covers the line before, so that nobody can take one out unseen.",
      erase: nothingHeld,
    },
    {
      store: "backups",
      describes: "Files that the maker keeps elsewhere.",
      keeps:
        "What was there when they were made, until the maker deletes them. One that is restored has whoever was erased since erased again, before anybody sees them, from a list of keyed hashes beside the database.",
      erase: nothingHeld,
    },
  ];
}
