import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ownerPermissionTable, permissionTable } from "../../cloud/staff/core/permissions.ts";
import { staffRoles } from "../../cloud/staff/staff.ts";
import { addressOf, bodies, type Known, makers, model, withoutBody } from "./requests.ts";
import { type Actor, type Answer, createWholeApi, type KnownRoute, ownerActors, type WholeApi } from "./whole-api.ts";

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
const openRoutes = [
  "GET /api/v1/health",
  "GET /api/v1/pki/root.pem",
  "GET /api/v1/firmware/director.jwks",
  "GET /files/repository/:name",
  "GET /files/firmware/:sha256",
  "GET /files/statements/:deliveryId",
  "GET /files/media/:sha256",
  "GET /api/v1/pki/fleet.crl",
  "GET /api/v1/unsubscribe/:token",
  "POST /api/v1/unsubscribe/:token",
  "GET /api/v1/erasure-reports/:code",
  "PUT /files/uploads/:id",
];

/** Those that ask for no key, and take a good one. */
const keylessRoutes = ["POST /api/v1/my/join", "POST /api/v1/my/pair"];

const ofOwners = new Map<string, readonly string[]>(Object.entries(ownerPermissionTable));
const ofStaff = new Map<string, readonly string[]>(Object.entries(permissionTable));

const allowedRoles = ({ permission }: KnownRoute): readonly string[] =>
  permission === "open" || permission === "anyone" ? staffRoles : (ofStaff.get(permission) ?? []);

/** Whether the tables let an actor in. What they are in which household is the same to a stranger as to an owner. */
function isAllowed(route: KnownRoute, who: Actor): boolean {
  if (route.permission === "open" || route.permission === "anyone") return true;
  const role = who === "stranger" ? "owner" : who;
  return [...allowedRoles(route), ...(ofOwners.get(route.permission) ?? [])].includes(role);
}

const isMine = ({ url }: { url: string }) => url.startsWith("/api/v1/my/");
/** Somebody who may ask it. */
const rightful = (route: KnownRoute): Actor => (isMine(route) ? "owner" : "admin");

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
  "PUT /api/v1/firmware/releases/:id/image": { raw: "image", contentType: "application/octet-stream" },
  "PUT /api/v1/firmware/releases/:id/sbom": { raw: "{}", contentType: "application/vnd.cyclonedx+json" },
  "POST /api/v1/content/media": { raw: "no picture", contentType: "image/png" },
  "PUT /files/uploads/:id": { raw: "a line", contentType: "text/plain" },
  "POST /api/v1/devices/import": { raw: "serial,model,batch\nsn-1,oven,2026-41\n", contentType: "text/csv" },
};

async function send(
  route: KnownRoute,
  who: Actor | null,
  names: Known = {},
  body = bodies[route.name],
): Promise<Answer> {
  const upload = uploads[route.name];
  const answer = await api.ask({ method: route.method, url: addressOf(route, names) }, who, {
    ...(body === undefined ? {} : { body }),
    ...upload,
  });
  if (!isHealth(route)) expectDecent(`${who} ${route.name}`, answer);
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
  const openNames = api.routes.filter(({ permission }) => permission === "open").map(({ name }) => name);
  expect(openNames.toSorted()).toEqual(openRoutes.toSorted());
  const keyless = api.routes.filter((route) => route.keyless);
  expect(keyless.map(({ name }) => name).toSorted()).toEqual(keylessRoutes);
  for (const route of keyless) expect([route.name, (await send(route, null)).status]).toEqual([route.name, 422]);
  for (const route of api.routes.filter(({ permission, keyless: open }) => permission !== "open" && !open)) {
    const answer = await send(route, null);
    expect([route.name, answer.status, answer.body.code]).toEqual([route.name, 401, "not_authenticated"]);
    expect(answer.headers["www-authenticate"]).toContain("Bearer");
  }
  for (const [at, route] of api.routes.filter(({ permission }) => permission !== "open").entries()) {
    for (const authorization of [
      "Bearer hearth_0000000000000000000000000000000000000000000",
      "Bearer hearth_owner_0000000000000000000000000000000000000000000",
      "Bearer",
      "Basic YWRtaW46",
    ]) {
      const url = addressOf(route);
      // From elsewhere each time: one address that tries so many wrong keys would be told to wait.
      const request = {
        method: route.method as "GET",
        url,
        headers: { authorization },
        remoteAddress: `192.0.2.${at}`,
      };
      const refused = await api.app.inject(request);
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
  const linked = ["GET /files/firmware/:sha256", "GET /files/statements/:deliveryId", "GET /files/media/:sha256"];
  const routes = api.routes.filter(({ name }) => linked.includes(name));
  expect(routes).toHaveLength(linked.length);
  for (const route of routes) expect([route.name, (await send(route, null)).status]).toEqual([route.name, 403]);
});

test("for every route and every role of staff and of a household the permission tables decide", async () => {
  for (const route of api.routes) {
    for (const who of [...staffRoles, ...ownerActors]) {
      const { status, body } = await send(route, who);
      const isRefused = status === 403 && body?.code === "not_allowed";
      expect([who, route.name, isRefused ? "refused" : "allowed"]).toEqual([
        who,
        route.name,
        isAllowed(route, who) ? "allowed" : "refused",
      ]);
      expect([route.name, isHealth(route) || status < 500]).toEqual([route.name, true]);
    }
  }
});

test("staff has no way into a household's own routes, and a household none into staff's", () => {
  const shared = ["GET /api/v1/me", ...openRoutes];
  for (const route of api.routes.filter(({ name }) => !shared.includes(name))) {
    const [staff, owners] = [staffRoles.some((role) => isAllowed(route, role)), isAllowed(route, "owner")];
    expect([route.name, staff, owners]).toEqual([route.name, !isMine(route), isMine(route)]);
  }
});

/** What a household sees of itself. */
const sightOf = async (who: Actor) =>
  Promise.all(
    ["household", "devices", "devices/home-oven", "members", "invitations"].map(
      async (path) => (await api.ask({ method: "GET", url: `/api/v1/my/${path}` }, who)).body as unknown,
    ),
  );

test("on every route of owners another household's ids are answered like ids of nothing, and nothing happens", async () => {
  const { householdId, memberId } = await api.person("owner");
  const member = await api.person("member");
  await api.person("stranger");
  expect(member.householdId).toBe(householdId);
  const made = { id: "home-oven", model: "oven", householdId };
  expect((await api.ask({ method: "POST", url: "/api/v1/devices" }, "admin", { body: made })).status).toBe(201);
  const invited = await api.ask({ method: "POST", url: "/api/v1/my/invitations" }, "owner");
  const before = await sightOf("owner");
  const objectRoutes = api.routes.filter((route) => isMine(route) && route.url.includes("/:"));
  expect(objectRoutes.length).toBeGreaterThan(6);
  for (const route of objectRoutes) {
    for (const theirs of [member.memberId, memberId]) {
      const ids = { device: "home-oven", member: theirs, invitation: invited.body.invitation.id as string };
      const [others, nobodys] = [await send(route, "stranger", ids), await send(route, "stranger")];
      expect([route.name, others.status]).toEqual([route.name, 404]);
      expect({ ...others.body, instance: "", requestId: "" }).toEqual({ ...nobodys.body, instance: "", requestId: "" });
    }
  }
  // Ids in other places than the address lead nowhere either.
  for (const route of api.routes.filter((one) => isMine(one) && one.method === "GET")) {
    const url = `${addressOf(route)}${addressOf(route).includes("?") ? "&" : "?"}household=${householdId}&device=home-oven`;
    const { text } = await api.ask({ method: "GET", url }, "stranger");
    for (const trace of [householdId, "home-oven", memberId])
      expect([route.name, text.includes(trace)]).toEqual([route.name, false]);
  }
  expect(await sightOf("owner")).toEqual(before);
});

test("a viewer reads and changes nothing", () => {
  const writing = api.routes.filter(({ method }) => method !== "GET" && method !== "HEAD");
  // An address that was made for one appliance is nobody's role.
  const byRole = writing.filter(({ permission }) => permission !== "open");
  expect(byRole.filter((route) => allowedRoles(route).includes("viewer")).map(({ name }) => name)).toEqual([]);
});

test("what a path names and does not exist is a 404 that says which thing it is", async () => {
  for (const route of api.routes.filter(({ name, url }) => url.includes("/:") && !makers.has(name))) {
    if (route.permission === "open") continue;
    const { status, body } = await send(route, rightful(route));
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
  role: "owner",
  memberId: plantedId,
  householdId: plantedId,
  ownerId: plantedId,
  points: plantedNumber,
  sinceMs: plantedNumber,
  tokenSha256: [plantedText],
  desiredVersion: plantedNumber,
};

test("a field that no description has is refused or passed over, and never stored", async () => {
  for (const [name, body] of Object.entries(bodies)) {
    const route = api.routes.find((one) => one.name === name);
    if (route === undefined) throw new Error(`there is no ${name}`);
    const answer = await send(route, rightful(route), known, { ...planted, ...body });
    expect([name, answer.text.includes(plantedText)]).toEqual([name, false]);
    if (answer.status === 400) expect(answer.body.errors.length).toBeGreaterThan(0);
    const asItself = await api.ask({ method: route.method, url: addressOf(route, known) }, rightful(route), {
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
      const answer = await api.ask({ method: "GET", url: `${url}?cursor=${cursor}&after=${cursor}` }, rightful(route));
      expect([url, cursor, answer.status < 500]).toEqual([url, cursor, true]);
      expectDecent(`${url} ${cursor}`, answer);
    }
  }
});

test("what goes wrong inside is a problem with the request's id, and no word of how", async () => {
  await api.base.database.close();
  for (const route of api.routes.filter(({ permission }) => permission !== "open")) {
    const answer = await send(route, rightful(route), known);
    // Whoever watches goes on seeing, with a key that was good before.
    if (route.name === "GET /metrics") expect(answer.status).toBe(200);
    else expect([route.name, answer.status >= 500, typeof answer.body.requestId]).toEqual([route.name, true, "string"]);
  }
});
