import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { permissionTable } from "../../cloud/staff/core/permissions.ts";
import { type StaffRole, staffRoles } from "../../cloud/staff/staff.ts";
import { addressOf, bodies, type Known, makers, model, withoutBody } from "./requests.ts";
import { type Answer, createWholeApi, type KnownRoute, type WholeApi } from "./whole-api.ts";

let api: WholeApi;
const known: Known = {};
beforeAll(async () => {
  api = await createWholeApi();
  const put = async (method: string, url: string, body: unknown) =>
    (await api.ask({ method, url }, "admin", { body })).body;
  await put("PUT", "/api/v1/models/oven", model);
  known.device = (await put("POST", "/api/v1/devices", { id: "oven-1", model: "oven" })).device.id as string;
  known.household = (await put("POST", "/api/v1/households", bodies["POST /api/v1/households"])).id as string;
  known.item = (await put("POST", "/api/v1/content/items", bodies["POST /api/v1/content/items"])).id as string;
  known.rule = (await put("POST", "/api/v1/service/rules", bodies["POST /api/v1/service/rules"])).id as string;
});
afterAll(() => api.close());

/** Open without a key, and meant to be. */
const openRoutes = ["GET /api/v1/health", "GET /files/firmware/:sha256", "GET /api/v1/pki/fleet.crl"];

const allowedRoles = ({ permission }: KnownRoute): readonly StaffRole[] =>
  permission === "open" || permission === "anyone" ? staffRoles : permissionTable[permission];

/** What holds for any answer, whatever was asked. */
function expectDecent(what: string, { headers, status, text, body }: Answer): void {
  expect(headers, what).toMatchObject({
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
  });
  expect(text, what).not.toMatch(/node_modules|\n\s+at |\.ts:\d|SELECT |INSERT /);
  if (status < 400 || text === "") return;
  expect(headers["content-type"], what).toContain("application/problem+json");
  expect(body, what).toMatchObject({ status, type: `/api/problems/${body.code}`, title: expect.any(String) });
  expect(body.help.length, what).toBeGreaterThan(0);
}

/** What routes take that take no JSON. */
const uploads: Record<string, { raw: string; contentType: string }> = {
  "POST /api/v1/firmware/releases": { raw: "image", contentType: "application/octet-stream" },
  "POST /api/v1/devices/import": { raw: "serial,model,batch\nsn-1,oven,2026-41\n", contentType: "text/csv" },
};

async function send(
  route: KnownRoute,
  role: StaffRole | null,
  names: Known = {},
  body = bodies[route.name],
): Promise<Answer> {
  const upload = uploads[route.name];
  const answer = await api.ask({ method: route.method, url: addressOf(route, names) }, role, {
    ...(body === undefined ? {} : { body }),
    ...upload,
  });
  if (!isHealth(route)) expectDecent(`${role} ${route.name}`, answer);
  return answer;
}

/** Its 503 is a report and no problem: here the gateway does not run. */
const isHealth = ({ name }: KnownRoute) => name === "GET /api/v1/health";

test("these tests know every route, and the API's description has them all", async () => {
  expect(api.routes.length).toBeGreaterThan(50);
  const writing = api.routes.filter(({ method }) => method !== "GET" && method !== "HEAD").map(({ name }) => name);
  expect(writing.toSorted()).toEqual([...Object.keys(bodies), ...withoutBody].toSorted());
  const { body } = await api.ask({ method: "GET", url: "/api/openapi.json" }, null);
  const described = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
  );
  const missing = api.routes.map(({ name }) => name).filter((name) => !described.includes(name));
  expect(missing).toEqual([]);
});

test("without a key, with a wrong one and with half a header every route but the open ones answers 401", async () => {
  expect(api.routes.filter(({ permission }) => permission === "open").map(({ name }) => name)).toEqual(openRoutes);
  for (const route of api.routes.filter(({ permission }) => permission !== "open")) {
    const answer = await send(route, null);
    expect([route.name, answer.status, answer.body.code]).toEqual([route.name, 401, "not_authenticated"]);
    expect(answer.headers["www-authenticate"]).toContain("Bearer");
    for (const authorization of [
      "Bearer hearth_0000000000000000000000000000000000000000000",
      "Bearer",
      "Basic YWRtaW46",
    ]) {
      const url = addressOf(route);
      const refused = await api.app.inject({ method: route.method as "GET", url, headers: { authorization } });
      expect([route.name, authorization, refused.statusCode]).toEqual([route.name, authorization, 401]);
    }
  }
  const stranger = await api.ask({ method: "GET", url: "/api/v1/nothing" }, null);
  expect(stranger.status).toBe(401);
  const head = await api.ask({ method: "HEAD", url: "/api/v1/devices" }, null);
  expect(head.status).toBe(401);
});

test("health and the documents are open", async () => {
  const health = await api.ask({ method: "GET", url: "/api/v1/health" }, null);
  expect(health.body.problems).toEqual(["The gateway is not listening."]);
  for (const url of ["/api/openapi.json", "/api/schemas", "/api/schemas/Reading", "/api/problems", "/api/docs/", "/"]) {
    const answer = await api.ask({ method: "GET", url }, null);
    expect([url, answer.status]).toEqual([url, 200]);
    expectDecent(url, { ...answer, text: "" });
  }
  const problems = (await api.ask({ method: "GET", url: "/api/problems" }, null)).body as Record<string, object>;
  for (const [code, entry] of Object.entries(problems)) {
    expect([code, entry]).toEqual([
      code,
      { status: expect.any(Number), title: expect.any(String), help: expect.any(String) },
    ]);
  }
});

test("a link to a file opens nothing with a signature that is not ours", async () => {
  const [route] = api.routes.filter(({ name }) => name === "GET /files/firmware/:sha256");
  if (route === undefined) throw new Error("there is no such route");
  expect((await send(route, null)).status).toBe(403);
});

test("for every route and every role the permission table decides", async () => {
  for (const route of api.routes) {
    for (const role of staffRoles) {
      const { status, body } = await send(route, role);
      const wanted = allowedRoles(route).includes(role);
      const isRefused = status === 403 && body?.code === "not_allowed";
      expect([role, route.name, isRefused ? "refused" : "allowed"]).toEqual([
        role,
        route.name,
        wanted ? "allowed" : "refused",
      ]);
      expect([route.name, isHealth(route) || status < 500]).toEqual([route.name, true]);
    }
  }
});

test("a viewer reads and changes nothing", () => {
  const writing = api.routes.filter(({ method }) => method !== "GET" && method !== "HEAD");
  expect(writing.filter((route) => allowedRoles(route).includes("viewer")).map(({ name }) => name)).toEqual([]);
});

test("what a path names and does not exist is a 404 that says which thing it is", async () => {
  for (const route of api.routes.filter(({ name, url }) => url.includes("/:") && !makers.has(name))) {
    if (route.permission === "open") continue;
    const { status, body } = await send(route, "admin");
    expect([route.name, status]).toEqual([route.name, 404]);
    expect(body.code).toMatch(/_not_found$/);
  }
});

/** Everything that any table holds, as text. */
async function everyRow(): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    SELECT format('%I', table_name) AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(api.base.db);
  const texts = await Promise.all(
    rows.map(async ({ name }) => {
      const all = await sql
        .raw<{ text: string | null }>(`SELECT string_agg(t::text, ' ') AS text FROM ${name} t`)
        .execute(api.base.db);
      return all.rows[0]?.text ?? "";
    }),
  );
  return texts.join("\n");
}

const plantedText = "planted-7f3a";
const plantedId = "01980000-7f3a-7000-8000-00000000dead";
const plantedNumber = 1_234_567_890_123;
const planted = {
  planted: plantedText,
  householdID: plantedId,
  keyId: plantedText,
  principal: plantedText,
  createdBy: plantedText,
  createdAtMs: plantedNumber,
  blockedAtMs: plantedNumber,
  resolvedBy: plantedText,
  tokenSha256: [plantedText],
  desiredVersion: plantedNumber,
};

test("a field that no description has is refused or passed over, and never stored", async () => {
  for (const [name, body] of Object.entries(bodies)) {
    const route = api.routes.find((one) => one.name === name);
    if (route === undefined) throw new Error(`there is no ${name}`);
    const answer = await send(route, "admin", known, { ...body, ...planted });
    expect([name, answer.text.includes(plantedText)]).toEqual([name, false]);
    if (answer.status === 400) expect(answer.body.errors.length).toBeGreaterThan(0);
    const asItself = await api.ask({ method: route.method, url: addressOf(route, known) }, "admin", {
      raw: `{"__proto__":{"planted":"${plantedText}"},${JSON.stringify(body).slice(1)}`,
    });
    expect([name, asItself.status]).toEqual([name, 400]);
    expectDecent(name, asItself);
  }
  expect(Object.keys({})).toEqual([]);
  expect("planted" in {}).toBe(false);
  const stored = await everyRow();
  expect(stored).toContain("oven-1");
  for (const trace of [plantedText, plantedId, String(plantedNumber)]) expect(stored).not.toContain(trace);
});

test("what is not a request is told so: no JSON, another type, too much, a strange address, a cursor of nowhere", async () => {
  const households = { method: "POST", url: "/api/v1/households" };
  const tries: [Promise<Answer>, number][] = [
    [api.ask(households, "admin", { raw: `{"name":` }), 400],
    [api.ask(households, "admin", { raw: "" }), 400],
    [api.ask(households, "admin", { raw: "[]" }), 400],
    [api.ask(households, "admin", { raw: "a=b", contentType: "application/x-www-form-urlencoded" }), 415],
    [api.ask(households, "admin", { raw: `{"name":"${"x".repeat(2_000_000)}"}` }), 413],
    [api.ask(households, "admin", { body: { name: "a\u0000b", locale: "en", timeZone: "UTC" } }), 400],
    [api.ask(households, "admin", { raw: `{"name":"\\ud800","locale":"en","timeZone":"UTC"}` }), 400],
    [api.ask({ method: "GET", url: "/api/v1/devices/%zz" }, "admin"), 400],
    [api.ask({ method: "GET", url: "/api/v1/devices/%00" }, "admin"), 400],
    [api.ask({ method: "GET", url: `/api/v1/devices/${"x".repeat(300)}` }, "admin"), 404],
    [api.ask({ method: "GET", url: "/api/v1/devices/..%2f..%2fetc" }, "admin"), 400],
    [api.ask({ method: "DELETE", url: "/api/v1/devices/oven-1" }, "admin"), 404],
    [api.ask({ method: "GET", url: "/api/v1/devices?limit=0" }, "admin"), 400],
    [api.ask({ method: "GET", url: "/api/v1/devices?limit=1e9" }, "admin"), 400],
    [api.ask({ method: "GET", url: "/api/v1/devices?q=%00" }, "admin"), 400],
  ];
  for (const [at, [asked, status]] of tries.entries()) {
    const answer = await asked;
    expect([at, answer.status]).toEqual([at, status]);
    expectDecent(`try ${at}`, answer);
  }
  for (const route of api.routes.filter(({ method, permission }) => method === "GET" && permission !== "open")) {
    for (const cursor of ["nowhere", "e30", "WyInOyBEUk9QIl0", "%00", "-1", "99999999999999999999"]) {
      const { url } = route;
      if (url.includes(":") || url.endsWith("/stream")) continue;
      const answer = await api.ask({ method: "GET", url: `${url}?cursor=${cursor}&after=${cursor}` }, "admin");
      expect([url, cursor, answer.status < 500]).toEqual([url, cursor, true]);
      expectDecent(`${url} ${cursor}`, answer);
    }
  }
});

test("what goes wrong inside is a problem with the request's id, and no word of how", async () => {
  await api.base.database.close();
  for (const route of api.routes.filter(({ permission }) => permission !== "open")) {
    const answer = await send(route, "admin", known);
    expect([route.name, answer.status >= 500, typeof answer.body.requestId]).toEqual([route.name, true, "string"]);
  }
});
