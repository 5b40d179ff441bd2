import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { systemTimers } from "../platform/timers.ts";
import { eventually, ManualClock, startMs } from "../testing/parts.ts";
import { LogSender } from "./log-sender.ts";

function newSender(status = 201) {
  const sent: { url: string; text: string }[] = [];
  const sender = new LogSender({
    async fetch(input, init) {
      if (typeof input !== "string") throw new Error("no address");
      const body = init?.body;
      if (!(body instanceof Uint8Array)) throw new Error("no bytes");
      sent.push({ url: input, text: gunzipSync(body).toString() });
      return new Response(null, { status });
    },
    timers: systemTimers,
    deadlines: new ManualClock(),
    allowRemote: false,
  });
  return { sender, sent };
}

const upload = { href: "http://127.0.0.1:1/files/uploads/x", expiresAtMs: startMs + 1_000, bytesMax: 1_000 };

test("the newest lines go out once, as many as fit whole", async () => {
  const { sender, sent } = newSender();
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`);
  expect(sender.send(upload, lines)).toBeNull();
  expect(sender.send(upload, lines)).toBe("upload_under_way");
  await eventually("sent", () => sender.counters.sent === 1);
  const text = sent[0]?.text ?? "";
  expect(text.length).toBeLessThanOrEqual(1_000);
  expect(text).toMatch(/^line \d+\n/);
  expect(text.endsWith("line 499\n")).toBe(true);
  expect(sent).toHaveLength(1);
});

test("nothing leaves for another machine, nor after the link's end", () => {
  const { sender, sent } = newSender();
  expect(sender.send({ ...upload, href: "https://evil.example/" }, [])).toBe("upload_not_allowed");
  expect(sender.send({ ...upload, href: "file:///etc/passwd" }, [])).toBe("upload_not_allowed");
  expect(sender.send({ ...upload, expiresAtMs: startMs }, [])).toBe("upload_expired");
  expect(sent).toEqual([]);
});

test("a link that is refused is not tried again", async () => {
  const { sender, sent } = newSender(410);
  sender.send(upload, ["a"]);
  await eventually("refused", () => sender.counters.refused === 1);
  expect(sent).toHaveLength(1);
});
