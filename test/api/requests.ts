/** For every route what a sound request to it holds: a route that is missing here is missing from the tests, and they say so. */
import type { KnownRoute } from "./whole-api.ts";

export const unknownId = "01980000-0000-7000-8000-000000000000";

const text = { title: "Bread", steps: [{ text: "Bake" }] };
const threshold = {
  kind: "threshold",
  title: "Too hot",
  severity: "safety",
  metric: "cavity_c",
  direction: "above",
  limit: 300,
  clearAt: 280,
  holdMs: 60_000,
  cause: "too_hot",
};

const plan = { name: "Autumn", releaseId: unknownId, stages: [{ name: "all", size: { kind: "rest" }, soakMs: 0 }] };

export const model = {
  key: "oven",
  version: 1,
  brand: "B",
  name: "Oven",
  kind: "oven",
  hardwareIds: ["h1"],
  locales: ["en"],
  metrics: [{ name: "cavity_c", unit: "°C" }],
  capabilities: { programs: ["HotAir"] },
};

const stages = {
  gap: { daysUsual: 7, daysMin: 3, daysMax: 60 },
  activation: { programs: 3, days: 30 },
  engagement: { gaps: 2 },
  satisfaction: { ratingMin: 4, firstAnswerCounts: true },
  loyalty: { days: 180, tierCounts: true },
  advocacy: { days: 180 },
  disengaged: { gaps: 3, ratingMax: 2, faults: 2, faultDays: 30, complaintDays: 90 },
};

const terms = { firstAnswerMs: 3_600_000, resolveMs: 86_400_000, escalation: [] };
const policy = { safety: terms, service: terms, info: terms };

/** JSON bodies of the routes that take one. */
export const bodies: Record<string, Record<string, unknown>> = {
  "POST /api/v1/staff/keys": { name: "somebody", role: "viewer" },
  "PUT /api/v1/models/:model": model,
  "POST /api/v1/models/:model/metrics/adopt": { name: "noise_db", unit: "dB" },
  "POST /api/v1/devices": { id: "oven-9", model: "oven" },
  "POST /api/v1/devices/batch": { devices: [{ id: "oven-8", model: "oven" }] },
  "PATCH /api/v1/devices/:id": { tags: ["internal"] },
  "POST /api/v1/devices/tags": { deviceIds: ["oven-1"], add: ["internal"] },
  "PUT /api/v1/devices/:id/desired": { state: { childLock: true } },
  "POST /api/v1/devices/:id/token": { graceMs: 60_000 },
  "POST /api/v1/devices/:id/commands": { name: "identify" },
  "POST /api/v1/households": { name: "Huber", locale: "de", timeZone: "Europe/Berlin" },
  "PATCH /api/v1/households/:id": { name: "Maier" },
  "POST /api/v1/households/:id/members": { name: "Eva" },
  "POST /api/v1/households/:id/merges": { from: unknownId, reason: "They called" },
  "POST /api/v1/households/merges/:id/undo": { reason: "They are two" },
  "POST /api/v1/households/:id/references": { kind: "shop_customer", value: "4711" },
  "PUT /api/v1/consents/texts": { purpose: "market", locale: "en", words: "You may write to me", inReturn: "Offers" },
  "POST /api/v1/households/:id/consents": {
    purpose: "market",
    channel: "phone",
    evidence: "Call 12",
    locale: "en",
    version: 1,
  },
  "POST /api/v1/households/:id/consents/withdrawals": { purpose: "market", channel: "phone", evidence: "Call 13" },
  "POST /api/v1/my/consents": { purpose: "market", locale: "en", version: 1 },
  "POST /api/v1/my/consents/withdrawals": { purpose: "market" },
  "POST /api/v1/my/welcome": { code: "nothing" },
  "POST /api/v1/facts": {
    facts: [{ source: "web", id: "1", type: "page.viewed", atMs: 1_797_984_000_000, data: {}, householdId: unknownId }],
  },
  "PATCH /api/v1/my/household": { name: "Maier" },
  "POST /api/v1/my/pair": { code: "0000-0000", name: "Ada" },
  "POST /api/v1/my/updates/:deliveryId/postpone": { untilMs: 4_000_000_000_000 },
  "POST /api/v1/my/join": { code: "nothing", name: "Ben" },
  "POST /api/v1/firmware/releases": {
    path: "fw/oven/2.1.0-1.img",
    model: "oven",
    hardwareIds: ["h1"],
    version: "2.1.0",
    releaseCounter: 1,
    minCounter: 0,
    length: 1_000,
    sha256: "0".repeat(64),
    kind: "feature",
  },
  "PATCH /api/v1/firmware/releases/:id": { notes: "Crisper bread" },
  "POST /api/v1/firmware/releases/:id/sign": { family: "{}" },
  "POST /api/v1/firmware/releases/:id/publish": { snapshot: "{}" },
  "POST /api/v1/firmware/releases/:id/withdraw": { reason: "Burns bread" },
  "POST /api/v1/firmware/releases/:id/send": { model: "oven" },
  "PUT /api/v1/firmware/image-certificates": { pem: "" },
  "POST /api/v1/ddi/gateway-tokens": { name: "shop floor" },
  "POST /api/v1/firmware/repository/root": { root: "{}" },
  "POST /api/v1/firmware/repository/metadata": { snapshot: "{}" },
  "POST /api/v1/rollouts": plan,
  "POST /api/v1/rollouts/preview": plan,
  "PATCH /api/v1/rollouts/:id": { name: "Spring" },
  "POST /api/v1/rollouts/:id/pause": { reason: "Calls come in" },
  "POST /api/v1/rollouts/:id/abort": { reason: "Calls come in" },
  "POST /api/v1/rollouts/:id/promote": { reason: "Known good" },
  "POST /api/v1/rollouts/:id/schedule": { startAtMs: null },
  "POST /api/v1/rollouts/:id/retry-failed": { force: true },
  "POST /api/v1/freezes": { fromMs: 1_797_984_000_000, toMs: 1_798_329_600_000, reason: "Christmas" },
  "POST /api/v1/content/items": { kind: "recipe", locales: { en: text } },
  "PUT /api/v1/content/items/:id": { kind: "recipe", locales: { en: text } },
  "POST /api/v1/content/items/:id/publish": { models: ["oven"], feed: "recipes" },
  "POST /api/v1/content/items/:id/send": { deviceIds: ["oven-1"] },
  "POST /api/v1/service/rules": threshold,
  "PUT /api/v1/service/rules/:id": threshold,
  "POST /api/v1/service/rules/:id/mode": { mode: "shadow" },
  "POST /api/v1/cases/:id/resolve": { note: "Fan replaced" },
  "POST /api/v1/cases/:id/notes": { text: "Called" },
  "POST /api/v1/cases/:id/messages": { text: "Please clean the filter" },
  "POST /api/v1/my/devices/:id/help": { text: "It beeps" },
  "POST /api/v1/my/cases/:id/messages": { text: "It beeps again" },
  "POST /api/v1/my/cases/:id/alternative": { kind: "technician" },
  "POST /api/v1/my/cases/:id/feedback": { rating: 5 },
  "POST /api/v1/cases/:id/diagnoses": { kind: "self_test" },
  "POST /api/v1/cases": { deviceId: "oven-1", severity: "info", title: "Rattles" },
  "POST /api/v1/cases/:id/fixed-in": { version: "2.1.0", releaseCounter: 7 },
  "POST /api/v1/cases/:id/give": { staffKeyId: unknownId },
  "PUT /api/v1/cases/policy": policy,
  "POST /api/v1/notices/channels": {
    kind: "webhook",
    name: "Desk",
    url: "https://hooks.example/hearth",
    subscriptions: [{ kinds: ["case_overdue"] }],
  },
  "PATCH /api/v1/notices/channels/:id": { name: "Desk" },
  "POST /api/v1/webhooks": { name: "Shop", url: "https://hooks.example/hearth", types: ["hearth.points.*"] },
  "PATCH /api/v1/webhooks/:id": { name: "Shop" },
  "POST /api/v1/webhooks/:id/secret": { keepFormer: false },
  "POST /api/v1/webhooks/:id/resend": { fromMs: 1_797_984_000_000, toMs: 1_798_329_600_000 },
  "POST /api/v1/service/rules/backtest": { definition: threshold, fromMs: 1_797_984_000_000, toMs: 1_798_329_600_000 },
  "POST /api/v1/incidents/:id/notes": { text: "The supplier knows" },
  "POST /api/v1/incidents/:id/assign": { assignee: "me" },
  "POST /api/v1/incidents/:id/resolve": { note: "Release 2.1.1 mends it", standing: "leave" },
  "PUT /api/v1/causes/:key": {
    title: "Rattles",
    fix: "Tighten it",
    article: { en: { title: "It rattles", text: "Wait" } },
  },
  "PUT /api/v1/answers/:key": { title: "Thanks", locales: { en: "Thank you, {{appliance}}" } },
  "PUT /api/v1/segments/:id": { title: "With steam", expression: "has_steam" },
  "POST /api/v1/segments/preview": { expression: "has_steam" },
  "POST /api/v1/segments/test": { expression: "has_steam", householdId: unknownId },
  "PUT /api/v1/loyalty/rules/:key": {
    title: "Cook",
    act: { type: "program.finished" },
    effects: [{ points: 10 }],
    limit: { kind: "once" },
  },
  "POST /api/v1/my/redemptions": { reward: "apron" },
  "POST /api/v1/loyalty/rules/dry-run": {
    definition: {
      title: "Cook",
      act: { type: "program.finished" },
      effects: [{ points: 10 }],
      limit: { kind: "once" },
    },
    days: 1,
  },
  "PUT /api/v1/loyalty/program": {
    expiresAfterDays: 365,
    returnsMayOverdraw: false,
    periodMonths: 12,
    noticeDays: 30,
    tiers: [{ key: "base", title: "Member", fromPoints: 0 }],
  },
  "PUT /api/v1/loyalty/rewards/:key": { title: "Apron", pointsCost: 100 },
  "POST /api/v1/loyalty/redemptions/:id/refund": { reason: "never arrived" },
  "PUT /api/v1/loyalty/offers/:key": {
    title: "Filter",
    article: "F-1",
    currency: "EUR",
    listPriceMinor: 2_000,
    floorMinor: 1_000,
  },
  "POST /api/v1/households/:id/offers": { offer: "filter", expiresAtMs: 1_798_329_600_000 },
  "PUT /api/v1/loyalty/shop": {
    url: "https://shop.example/hearth",
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  },
  "POST /api/v1/loyalty/transfers/:id/reverse": { reason: "by mistake" },
  "PUT /api/v1/lifecycle/definition": { basedOn: 1, definition: stages },
  "POST /api/v1/lifecycle/definition/preview": { definition: stages },
  "POST /api/v1/batches": { key: "2026-41", model: "oven", quota: 10 },
  "PATCH /api/v1/batches/:key": { quota: 20 },
  "POST /api/v1/batches/:key/secret": { graceMs: 1_000 },
  "POST /api/v1/certificates/:fingerprint/revoke": { reason: "superseded" },
};

/** Routes that write and take no JSON. */
export const withoutBody = new Set([
  "POST /api/v1/service/backtests/:id/cancel",
  "DELETE /api/v1/staff/keys/:id",
  "DELETE /api/v1/devices/:id/tokens",
  "POST /api/v1/devices/:id/block",
  "POST /api/v1/devices/:id/unblock",
  "PUT /api/v1/households/:id/devices/:deviceId",
  "DELETE /api/v1/households/:id/devices/:deviceId",
  "POST /api/v1/households/:id/welcome",
  "DELETE /api/v1/households/:id/references",
  "DELETE /api/v1/my/household",
  "DELETE /api/v1/my/members/:id",
  "POST /api/v1/my/members/:id/owner",
  "POST /api/v1/my/invitations",
  "DELETE /api/v1/my/invitations/:id",
  "POST /api/v1/my/key",
  "POST /api/v1/my/redemptions/:id/redeem",
  "POST /api/v1/my/redemptions/:id/release",
  "POST /api/v1/my/offers/:id/redeem",
  "POST /api/v1/my/offers/:id/undo",
  "POST /api/v1/my/devices/:id/hand-over",
  "POST /api/v1/my/updates/:deliveryId/agree",
  "POST /api/v1/my/updates/:deliveryId/decline",
  "POST /api/v1/deliveries/:id/cancel",
  "POST /api/v1/deliveries/:id/recall",
  "DELETE /api/v1/ddi/gateway-tokens/:id",
  "DELETE /api/v1/firmware/releases/:id",
  "PUT /api/v1/firmware/releases/:id/image",
  "PUT /api/v1/firmware/releases/:id/sbom",
  "POST /api/v1/rollouts/:id/submit",
  "POST /api/v1/rollouts/:id/approve",
  "POST /api/v1/rollouts/:id/start",
  "POST /api/v1/rollouts/:id/resume",
  "DELETE /api/v1/freezes/:id",
  "POST /api/v1/content/items/:id/withdraw",
  "DELETE /api/v1/causes/:key",
  "DELETE /api/v1/answers/:key",
  "DELETE /api/v1/segments/:id",
  "PUT /files/uploads/:id",
  "POST /api/v1/cases/:id/take",
  "DELETE /api/v1/notices/channels/:id",
  "DELETE /api/v1/webhooks/:id",
  "POST /api/v1/webhooks/:id/test",
  "POST /api/v1/webhooks/:id/deliveries/:deliveryId/resend",
  "POST /api/v1/notices/channels/:id/secret",
  "POST /api/v1/notices/channels/:id/test",
  "POST /api/v1/notices/deliveries/:id/resend",
  "POST /api/v1/cases/:id/release",
  "POST /api/v1/devices/import",
  "POST /api/v1/devices/:id/re-provision",
  "POST /api/v1/batches/:key/close",
  "POST /api/v1/batches/:key/reopen",
  "POST /api/v1/serials/:serial/block",
  "POST /api/v1/serials/:serial/unblock",
]);

/** Routes that make what their path names, so that nothing there is unknown. */
export const makers = new Set([
  "PUT /api/v1/models/:model",
  "PUT /api/v1/loyalty/rules/:key",
  "GET /api/v1/loyalty/rules/:key/versions",
  "PUT /api/v1/loyalty/rewards/:key",
  "PUT /api/v1/loyalty/offers/:key",
  "PUT /api/v1/causes/:key",
  "PUT /api/v1/answers/:key",
  "PUT /api/v1/segments/:id",
]);

/** Signed by nobody here. */
const foreignLink = `?device=oven-1&expires=4000000000000&signature=${"A".repeat(43)}`;

const queries: Record<string, string> = {
  "GET /api/v1/devices/:id/telemetry": "?metrics=cavity_c",
  "GET /api/v1/my/devices/:id/telemetry": "?metrics=cavity_c",
  "GET /api/v1/telemetry/range": "?devices=nobody&metrics=cavity_c",
  "GET /api/v1/my/telemetry/range": "?devices=nobody&metrics=cavity_c",
  "GET /api/v1/telemetry/latest": "?devices=nobody",
  "GET /api/v1/my/telemetry/latest": "?devices=nobody",
  "GET /api/v1/telemetry/event-counts": "?devices=nobody",
  "GET /api/v1/my/telemetry/event-counts": "?devices=nobody",
  "GET /api/v1/telemetry/export": "?devices=nobody",
  "GET /api/v1/my/telemetry/export": "?devices=nobody",
  // Nobody's: a stream that is allowed would never end.
  "GET /api/v1/telemetry/live": "?device=nobody",
  "GET /api/v1/my/telemetry/live": "?device=nobody",
  "GET /api/v1/search": "?q=oven",
  "GET /api/v1/consents/texts/versions": "?purpose=market&locale=en",
  "DELETE /api/v1/households/:id/references": "?kind=shop_customer&value=4711",
  "GET /api/v1/schedule": "?from=1797984000000&to=1798329600000",
  // A place that cannot be gone on from: a stream that is allowed would never end.
  "GET /api/v1/events/stream": "?after=nowhere",
  "GET /api/v1/firmware/components/devices": "?name=openssl&below=3.0.1",
  "GET /files/firmware/:sha256": foreignLink,
  "GET /files/statements/:deliveryId": foreignLink,
};

/** Parameters that name something which exists, where a test needs that. */
export type Known = Partial<Record<"device" | "household" | "item" | "rule" | "member" | "invitation", string>>;

/** The address of a route, with its parameters filled in: with what is unknown, unless `known` has it. */
export function addressOf({ name, url }: KnownRoute, known: Known = {}): string {
  const ofPath: [RegExp, string | undefined, string][] = [
    [/\/devices\//, known.device, "nobody"],
    [/\/households\//, known.household, unknownId],
    [/\/my\/members\//, known.member, unknownId],
    [/\/my\/invitations\//, known.invitation, unknownId],
    [/\/content\/items\//, known.item, unknownId],
    [/\/service\/rules\//, known.rule, unknownId],
  ];
  const id = ofPath.filter(([path]) => path.test(url)).map(([, is, otherwise]) => is ?? otherwise);
  const values: Record<string, string> = {
    id: (url.includes("/households/") ? (known.household ?? unknownId) : id[0]) ?? unknownId,
    deviceId: known.device ?? "nobody",
    model: makers.has(name) ? "oven" : "nothing",
    // What staff write is kept when it is withdrawn, so what was made here before is not unknown.
    key: /\/(causes|answers)\//.test(url) && !makers.has(name) ? "nothing" : "cooked",
    sha256: "0".repeat(64),
    fingerprint: "0".repeat(64),
    serial: "nobody",
  };
  return url.replaceAll(/:(\w+)/g, (_all, param: string) => values[param] ?? unknownId) + (queries[name] ?? "");
}
