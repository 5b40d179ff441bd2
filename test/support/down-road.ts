/** What tests of the down road share: a clock that is set, devices in the table, the API with a key. */
import type { FastifyInstance } from "fastify";
import { createHttp } from "../../cloud/http/http.ts";
import { KeyGuard } from "../../cloud/http/key-guard.ts";
import { Outbox } from "../../cloud/events/events.ts";
import { type Clock, systemClock } from "../../cloud/platform/clock.ts";
import type { Db } from "../../cloud/platform/database.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { Staff, type StaffRole } from "../../cloud/staff/staff.ts";
import { TestRegistry } from "./registry.ts";

/** Time that passes when a test says so. */
export class SetClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 15, 12);
  nowMs(): number {
    return this.#nowMs;
  }
  forward(ms: number): number {
    this.#nowMs += ms;
    return this.#nowMs;
  }
}

export interface DownRoad {
  clock: SetClock;
  staff: Staff;
  outbox: Outbox;
  devices: TestRegistry;
  /** What most slices are constructed with. */
  deps: { db: Db; clock: Clock; ids: typeof randomIds; outbox: Outbox; audit: Staff["audit"]; devices: TestRegistry };
}

export function downRoad(db: Db): DownRoad {
  const clock = new SetClock();
  const staff = new Staff({ db, clock, ids: randomIds });
  const outbox = new Outbox(randomIds);
  const devices = new TestRegistry({ db, clock, ids: randomIds, audit: staff.audit });
  return { clock, staff, outbox, devices, deps: { db, clock, ids: randomIds, outbox, audit: staff.audit, devices } };
}

export interface TestApi {
  app: FastifyInstance;
  /** Headers of a key with this role. */
  as(role: StaffRole): Promise<{ authorization: string }>;
}

/** The API with real keys and only the given routes. */
export async function testApi(staff: Staff, routes: (app: FastifyInstance) => void): Promise<TestApi> {
  const app = await createHttp({
    logger: createLogger("silent"),
    authenticate: (secret) => staff.authenticate(secret),
    keyGuard: new KeyGuard({ clock: systemClock, note() {} }),
    routes,
    problems: {},
  });
  return {
    app,
    async as(role) {
      const { secret } = await staff.createKey({ kind: "system" }, role, role);
      return { authorization: `Bearer ${secret}` };
    },
  };
}
