import { expect, test } from "vitest";
import { gatewayLimits } from "#protocol/link/limits.ts";
import { limitsPossible } from "./open-files.ts";

test("where the system says nothing, or allows enough open files, the limits stand", () => {
  expect(limitsPossible(gatewayLimits, null)).toEqual(gatewayLimits);
  expect(limitsPossible(gatewayLimits, 1_000_000)).toEqual(gatewayLimits);
});

test.each([0, 500, 501, 1_024, 4_096, 10_240, 20_000])(
  "%i open files are enough for all sockets that the limits allow, and for the process itself",
  (filesMax) => {
    const limits = limitsPossible(gatewayLimits, filesMax);
    const sockets = limits.connectionsMax + limits.connectsInProgressMax + limits.connectsQueuedMax;
    expect(sockets + 500).toBeLessThanOrEqual(Math.max(500, filesMax));
    expect(limits.connectionsMax).toBeGreaterThanOrEqual(Math.floor((Math.max(500, filesMax) - 500) * 0.7));
  },
);
