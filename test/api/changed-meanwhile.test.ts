/** Two people who change one thing at once, over real sockets. */
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addressOf, bodies, type Known, model } from "./requests.ts";
import { createWholeApi, type WholeApi } from "./whole-api.ts";

interface Person {
  principal: string;
  ask: (method: string, url: string, body?: unknown) => Promise<{ status: number; body: any }>; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
}

let api: WholeApi;
let people: [Person, Person];
const known: Known = {};

beforeAll(async () => {
  api = await createWholeApi();
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = api.app.server.address() as AddressInfo; // oxlint-disable-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const person = async (name: string): Promise<Person> => {
    const key = (
      await api.ask({ method: "POST", url: "/api/v1/staff/keys" }, "admin", { body: { name, role: "admin" } })
    ).body;
    return {
      principal: `staff:${key.key.id}`,
      async ask(method, url, body) {
        const response = await fetch(`http://127.0.0.1:${port}${url}`, {
          method,
          headers: {
            authorization: `Bearer ${key.secret}`,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: response.status, body: response.status === 204 ? null : await response.json() };
      },
    };
  };
  people = [await person("Ada"), await person("Ben")];
  const make = async (method: string, url: string, body: unknown) => (await people[0].ask(method, url, body)).body;
  await make("PUT", "/api/v1/models/oven", model);
  known.item = (await make("POST", "/api/v1/content/items", bodies["POST /api/v1/content/items"])).id as string;
  await make("POST", "/api/v1/devices", { id: "oven-1", model: "oven" });
  known.device = "oven-1";
  known.rule = (await make("POST", "/api/v1/service/rules", bodies["POST /api/v1/service/rules"])).id as string;
});
afterAll(() => api.close());

const words = (text: string) => ({ en: { title: text, steps: [{ text: "Bake" }] } });
const titled = (name: string) => (title: string) => ({ ...bodies[name], title });

/** What teams edit: how each is written, with a text of one's own in it. */
const things: Record<string, (title: string) => Record<string, unknown>> = {
  "PUT /api/v1/service/rules/:id": titled("PUT /api/v1/service/rules/:id"),
  "PUT /api/v1/content/items/:id": (title) => ({ kind: "recipe", locales: words(title) }),
  "PUT /api/v1/segments/:id": titled("PUT /api/v1/segments/:id"),
  "PUT /api/v1/loyalty/rules/:key": titled("PUT /api/v1/loyalty/rules/:key"),
  "PUT /api/v1/loyalty/rewards/:key": titled("PUT /api/v1/loyalty/rewards/:key"),
  "PUT /api/v1/loyalty/offers/:key": titled("PUT /api/v1/loyalty/offers/:key"),
  "PUT /api/v1/loyalty/program": (title) => ({
    ...bodies["PUT /api/v1/loyalty/program"],
    tiers: [{ key: "base", title, fromPoints: 0 }],
  }),
  "PUT /api/v1/causes/:key": titled("PUT /api/v1/causes/:key"),
  "PUT /api/v1/answers/:key": titled("PUT /api/v1/answers/:key"),
  "PUT /api/v1/cases/policy": (title) => {
    const terms = { firstAnswerMs: 60_000 * (1 + title.length), resolveMs: 86_400_000, escalation: [] };
    return { safety: terms, service: terms, info: terms };
  },
  "PUT /api/v1/engagement/policy": (title) => ({ caps: [], roomMax: title.length, holdoutShare: 0.05 }),
  "PUT /api/v1/engagement/app": (title) => ({ url: `https://app.example/${encodeURIComponent(title)}` }),
  "PUT /api/v1/loyalty/shop": (title) => ({
    ...bodies["PUT /api/v1/loyalty/shop"],
    url: `https://shop.example/${encodeURIComponent(title)}`,
  }),
  "PUT /api/v1/consents/texts": (title) => ({ ...bodies["PUT /api/v1/consents/texts"], words: title }),
  "PUT /api/v1/devices/:id/desired": (title) => ({ state: { greeting: title } }),
  "PUT /api/v1/lifecycle/definition": (title) => ({
    ...(bodies["PUT /api/v1/lifecycle/definition"]?.["definition"] as object), // oxlint-disable-line typescript/no-unsafe-type-assertion -- it is one
    advocacy: { days: 100 + title.length },
  }),
};

test.each(Object.keys(things))("%s: of two at once one is kept, and the other hears whose and when", async (name) => {
  const route = api.routes.find((one) => one.name === name);
  if (route === undefined) throw new Error(`no route ${name}`);
  const url = addressOf(route, known);
  const write = things[name];
  if (write === undefined) throw new Error("unreachable");
  const put = async (who: Person, title: string, basedOn?: number) => {
    const body = write(title);
    if (basedOn === undefined && !name.includes("lifecycle")) return who.ask("PUT", url, body);
    if (name.includes("lifecycle")) return who.ask("PUT", url, { basedOn: basedOn ?? 1, definition: body });
    if (name.includes("segments")) return who.ask("PUT", url, { ...body, ifVersion: basedOn });
    return who.ask("PUT", `${url}?basedOn=${basedOn}`, body);
  };
  let { version } = (await put(people[0], "It")).body as { version: number };
  for (let round = 1; round <= 5; round += 1) {
    const beforeMs = Date.now();
    // Texts of different lengths, so that each is another.
    const answers = await Promise.all(
      people.map((who, at) => put(who, "x".repeat(2 * round + at) + name.slice(0, 3), version)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const winner = answers.findIndex(({ status }) => status === 200);
    const newest = { version: version + 1, by: people[winner]?.principal, atMs: expect.any(Number) };
    const refusal = answers[1 - winner]?.body;
    expect(refusal).toMatchObject({ code: "changed_meanwhile", newest });
    expect(refusal.detail).toContain(`Version ${version + 1} was saved by ${people[winner]?.principal}`);
    expect(refusal.newest.atMs).toBeGreaterThanOrEqual(beforeMs);
    version += 1;
  }
  // Made from what is there now, it goes.
  expect((await put(people[1], "Theirs, and mine", version)).body).toMatchObject({ version: version + 1 });
});

test("a rule that somebody else changed meanwhile is not switched live unread, and who names no version replaces what there is", async () => {
  const url = `/api/v1/service/rules/${known.rule}`;
  const { version } = (await people[0].ask("GET", url)).body.rule;
  const body = things["PUT /api/v1/service/rules/:id"]?.("Anew");
  expect((await people[0].ask("PUT", `${url}?basedOn=${version}`, body)).status).toBe(200);
  const stale = await people[1].ask("POST", `${url}/mode?basedOn=${version}`, { mode: "off" });
  expect(stale).toMatchObject({ status: 409, body: { code: "changed_meanwhile", newest: { version: version + 1 } } });
  expect((await people[1].ask("PUT", url, body)).body.version).toBe(version + 2);
  const wrong = await people[1].ask("PUT", `${url}?basedOn=new`, body);
  expect(wrong.body.errors).toMatchObject([{ pointer: "/querystring/basedOn" }]);
});

test.each(["causes", "answers"])("%s: what somebody else changed meanwhile is not withdrawn unread", async (name) => {
  const path = `/api/v1/${name}/withdrawn_once`;
  const body = bodies[`PUT /api/v1/${name}/:key`];
  const { version } = (await people[0].ask("PUT", path, body)).body;
  expect((await people[1].ask("PUT", `${path}?basedOn=${version}`, { ...body, title: "Anew" })).status).toBe(200);
  const stale = await people[0].ask("DELETE", `${path}?basedOn=${version}`);
  const newest = { version: version + 1, by: people[1].principal };
  expect(stale).toMatchObject({ status: 409, body: { code: "changed_meanwhile", newest } });
  expect((await people[0].ask("DELETE", `${path}?basedOn=${version + 1}`)).status).toBe(204);
  expect((await people[1].ask("GET", path)).status).toBe(404);
  // Who goes on writing hears that it is gone, and may put it in force again.
  expect((await people[1].ask("PUT", `${path}?basedOn=${version + 1}`, body)).status).toBe(409);
  expect((await people[1].ask("PUT", `${path}?basedOn=${version + 2}`, body)).body.version).toBe(version + 3);
});

test("the app's address that somebody else took away meanwhile is not set, nor one that they set taken away, and no version comes twice", async () => {
  const path = "/api/v1/engagement/app";
  const body = { url: "https://app.example/once" };
  const { version } = (await people[0].ask("PUT", path, body)).body;
  expect((await people[0].ask("DELETE", `${path}?basedOn=${version}`)).status).toBe(204);
  // Its secret is never read again: only who changed it, and when.
  expect((await people[1].ask("GET", path)).body).toEqual({
    url: null,
    goneAtMs: null,
    version: version + 1,
    changedAtMs: expect.any(Number),
    changedBy: people[0].principal,
  });
  const stale = await people[1].ask("PUT", `${path}?basedOn=${version}`, body);
  const newest = { version: version + 1, by: people[0].principal };
  expect(stale).toMatchObject({ status: 409, body: { code: "changed_meanwhile", newest } });
  expect((await people[1].ask("PUT", `${path}?basedOn=${version + 1}`, body)).body.version).toBe(version + 2);
  expect((await people[0].ask("DELETE", `${path}?basedOn=${version + 1}`)).status).toBe(409);
  expect((await people[0].ask("GET", path)).body).toMatchObject({ ...body, version: version + 2 });
});

test("what was wanted of an appliance of one household is not written over what is wanted after it was handed over", async () => {
  const path = "/api/v1/devices/oven-1";
  const home = { name: "Lind", locale: "en", timeZone: "Europe/Stockholm" };
  const { id } = (await people[0].ask("POST", "/api/v1/households", home)).body;
  const belongs = `/api/v1/households/${id}/devices/oven-1`;
  expect((await people[0].ask("PUT", belongs)).status).toBeLessThan(300);
  const { version } = (await people[0].ask("PUT", `${path}/desired`, { state: { childLock: true } })).body;
  await people[0].ask("DELETE", belongs);
  // Hearth itself put the next version there, and was refused by nobody's.
  const { desired, desiredVersion } = (await people[1].ask("GET", path)).body;
  expect([desired, desiredVersion]).toEqual([{}, version + 1]);
  const stale = await people[1].ask("PUT", `${path}/desired?basedOn=${version}`, { state: { childLock: false } });
  const newest = { version: version + 1, by: "system", atMs: expect.any(Number) };
  expect(stale).toMatchObject({ status: 409, body: { code: "changed_meanwhile", newest } });
  expect((await people[1].ask("GET", path)).body).toMatchObject({ desired: {}, desiredVersion: version + 1 });
});
