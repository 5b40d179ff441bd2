import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
let port = 0;
beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  const address = kitchen.app.server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
  await kitchen.ovens("e-1");
  const nowMs = kitchen.clock.nowMs();
  // 60,000 readings: some four megabytes of lines.
  for (let batch = 0; batch < 120; batch += 1) {
    const readings = Array.from({ length: 500 }, (_, at) => ({
      device: "e-1",
      channel: "telemetry" as const,
      payload: { atMs: nowMs - (batch * 500 + at + 1) * 1_000, m: { cavity_c: at + 0.123_456_789, power_w: batch } },
    }));
    await kitchen.say(...readings);
  }
});
afterAll(() => kitchen.close());

const head = () =>
  `GET /api/v1/telemetry/export?devices=e-1&format=ndjson HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${kitchen.staffKey("viewer")}\r\nConnection: close\r\n\r\n`;

/** Pages that the store was asked for while `work` ran. */
async function pagesDuring(work: () => Promise<void>): Promise<number> {
  const { store } = kitchen.slices.telemetry;
  const real = store.readings.bind(store);
  let pages = 0;
  store.readings = async function* counted(query) {
    for await (const page of real(query)) {
      pages += 1;
      yield page;
    }
  };
  await work();
  store.readings = real;
  return pages;
}

test("whoever reads nothing holds a page or two and no more, and whoever goes ends it", async () => {
  const stalled = await pagesDuring(async () => {
    for (let at = 0; at < 6; at += 1) {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.write(head());
      await new Promise((resolve) => socket.once("readable", resolve));
      // Nothing is read, and then the client is gone.
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  expect(stalled).toBeGreaterThan(0);
  // Six that would be 30 pages each; and six, where four may run at once: each made room for the next.
  expect(stalled).toBeLessThan(100);
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/telemetry/export?devices=e-1&format=ndjson`, {
    headers: { authorization: `Bearer ${kitchen.staffKey("viewer")}` },
  });
  const lines = (await response.text()).trim().split("\n");
  expect(lines).toHaveLength(60_000);
  const times = lines.map((line): number => JSON.parse(line).atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});
