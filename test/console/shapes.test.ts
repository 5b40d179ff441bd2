import { expectTypeOf, test } from "vitest";
import type * as read from "../../cloud/console/src/api/shapes.ts";
import type { Delivery } from "../../cloud/deliveries/deliveries.ts";
import type { Health } from "../../cloud/http/health-routes.ts";
import type { Overview } from "../../cloud/http/overview-routes.ts";
import type { TimelineEntry } from "../../cloud/platform/timeline.ts";
import type { LatestValue } from "../../cloud/telemetry/telemetry-store.ts";

// Held by the compiler: a field that the service renames no longer fits what the console reads.
test("what the console reads is what the service declares", () => {
  expectTypeOf<Overview>().toExtend<read.Overview>();
  expectTypeOf<Delivery>().toExtend<read.Delivery>();
  expectTypeOf<Health>().toExtend<read.Health>();
  expectTypeOf<TimelineEntry>().toEqualTypeOf<read.TimelineEntry>();
  expectTypeOf<LatestValue>().toEqualTypeOf<Pick<read.LatestValue, "metric" | "value" | "atMs">>();
});
