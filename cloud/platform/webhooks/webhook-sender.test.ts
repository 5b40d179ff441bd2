import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterEach, expect, test, vi } from "vitest";
import { mayCall } from "./public-address.ts";
import { refusedUrl, WebhookSender } from "./webhook-sender.ts";

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const message = { id: "m-1", atMs: 1_780_000_000_000, body: "{}" };
let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

async function serve(
  answer: (
    path: string,
    headers: IncomingHttpHeaders,
  ) => { status: number; headers?: Record<string, string>; body?: string },
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const { status, headers, body } = answer(request.url ?? "", request.headers);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  stop = () => new Promise((done) => server.close(() => done()));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  return { port: (server.address() as AddressInfo).port, asked };
}

test.each([
  ["8.8.8.8", true],
  ["2a00:1450::1", true],
  ["127.0.0.1", false],
  ["10.1.2.3", false],
  ["172.31.255.255", false],
  ["192.168.1.1", false],
  ["169.254.169.254", false],
  ["100.64.0.1", false],
  ["0.0.0.0", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::1", false],
  ["::", false],
  ["::ffff:8.8.8.8", false],
  ["::ffff:127.0.0.1", false],
  ["64:ff9b::7f00:1", false],
  ["2002:7f00:1::", false],
  ["fd00::1", false],
  ["fe80::1", false],
  ["ff02::1", false],
  ["2001:db8::1", false],
  ["example.com", false],
])("of %s it is said whether it is an address of the internet: %s", (address, isPublic) => {
  expect(mayCall(address, "public")).toBe(isPublic);
});

test("where it is configured this machine may be called, and no more of a private network", () => {
  expect(["127.0.0.1", "127.9.9.9", "::1", "8.8.8.8"].every((address) => mayCall(address, "loopback"))).toBe(true);
  expect(["10.0.0.1", "169.254.169.254"].some((address) => mayCall(address, "loopback"))).toBe(false);
});

test.each([
  ["https://hooks.example/x?y=1", null],
  ["http://hooks.example/", "webhook_url_invalid"],
  ["ftp://hooks.example/", "webhook_url_invalid"],
  ["https://user:pass@hooks.example/", "webhook_url_invalid"],
  ["https://hooks.example/#part", "webhook_url_invalid"],
  ["nothing", "webhook_url_invalid"],
  ["https://127.0.0.1/", "webhook_url_private"],
  ["https://0x7f000001/", "webhook_url_private"],
  ["https://2130706433/", "webhook_url_private"],
  ["https://[::1]/", "webhook_url_private"],
  ["https://[::ffff:10.0.0.1]/", "webhook_url_private"],
  ["https://169.254.169.254/latest", "webhook_url_private"],
  ["https://localhost/", "webhook_url_private"],
] as const)("as a webhook's address %s is answered: %s", (url, refusal) => {
  expect(refusedUrl(url, "public")).toBe(refusal);
});

test("a name that leads to this machine is not called: the address is checked as it is connected to", async () => {
  const { port, asked } = await serve(() => ({ status: 200 }));
  const url = `https://hooks.example:${port}/`;
  expect(refusedUrl(url, "public")).toBeNull();
  // Whoever owns the name may let it lead elsewhere at every look: one address among several that is not allowed is enough.
  const names = ["127.0.0.1", "8.8.8.8"].map((address) => ({ address, family: 4 }));
  const resolve = async () => names;
  const outcome = await new WebhookSender("public", resolve).send({ url, secrets: [secret] }, message);
  expect(outcome).toEqual({ kind: "failed", detail: "private_address", final: false });
  expect(asked).toEqual([]);
});

test("who does not answer has the fifteen seconds that Standard Webhooks recommends, and is then asked again later", async () => {
  const over = new AbortController();
  const given = vi.spyOn(AbortSignal, "timeout").mockReturnValue(over.signal);
  try {
    const { port } = await serve(() => {
      // It has the message, and its time is over before it says anything.
      over.abort(new DOMException("over", "TimeoutError"));
      return { status: 200 };
    });
    const channel = { url: `http://127.0.0.1:${port}/`, secrets: [secret] };
    const outcome = await new WebhookSender("loopback").send(channel, message);
    expect(outcome).toEqual({ kind: "failed", detail: "timed_out", final: false });
    expect(given.mock.calls).toEqual([[15_000]]);
  } finally {
    given.mockRestore();
  }
});

test("a redirect is not followed, an endless answer is not read, and who asks for time gets it", async () => {
  const { port, asked } = await serve((path) => {
    if (path === "/redirect") return { status: 307, headers: { location: "/elsewhere" } };
    if (path === "/long") return { status: 200, body: "x".repeat(5_000_000) };
    return { status: 503, headers: { "retry-after": "120" } };
  });
  const sender = new WebhookSender("loopback");
  const send = (path: string) => sender.send({ url: `http://127.0.0.1:${port}${path}`, secrets: [secret] }, message);
  expect(await send("/redirect")).toMatchObject({ kind: "failed", detail: "HTTP 307", final: false });
  expect(await send("/long")).toMatchObject({ kind: "delivered" });
  expect(await send("/busy")).toMatchObject({ kind: "failed", retryAfterMs: 120_000 });
  expect(asked).toEqual(["/redirect", "/long", "/busy"]);
});

test("while a secret takes another's place a message has a signature by each, and a receiver with either takes it", async () => {
  const other = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;
  const heard: IncomingHttpHeaders[] = [];
  const { port } = await serve((_path, headers) => {
    heard.push(headers);
    return { status: 204 };
  });
  const body = '{"specversion":"1.0"}';
  const now = { id: "m-1", atMs: Date.now(), body, contentType: "application/cloudevents+json" };
  await new WebhookSender("loopback").send({ url: `http://127.0.0.1:${port}/`, secrets: [other, secret] }, now);
  const [headers = {}] = heard;
  expect(headers["content-type"]).toBe("application/cloudevents+json");
  const said = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  for (const known of [secret, other]) expect(() => new Webhook(known).verify(body, said)).not.toThrow();
  const stranger = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
  expect(() => new Webhook(stranger).verify(body, said)).toThrow("signature");
});
