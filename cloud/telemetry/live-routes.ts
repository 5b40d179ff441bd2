import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { metricName } from "#protocol/text.ts";
import { deviceProblems, type SeenDevice } from "../devices/devices.ts";
import { problem } from "../platform/problem.ts";
import type { LeftOut } from "../platform/left-out.ts";
import { serveStream } from "../platform/serve-stream.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import type { LiveWord } from "./core/live-queue.ts";
import type { FasterSampling } from "./faster-sampling.ts";
import { liveProblems } from "./live-problems.ts";
import type { LiveTail, LiveTails } from "./live-tails.ts";
import { type AgreedToImprove, lookedAtTogether } from "./telemetry-routes.ts";

export interface LiveRoutesDeps {
  tails: LiveTails;
  sampling: FasterSampling;
  seenBy: (principal: Principal, id: string) => Promise<SeenDevice | null>;
  agreedToImprove: AgreedToImprove;
  /** Whether this principal may have appliances sample faster. */
  mayAsk: (principal: Principal) => boolean;
  /** Puts on record who of the staff looks at whose appliances. */
  opened: (by: Principal, deviceIds: readonly string[]) => Promise<void>;
}

const devicesMax = 20;
const metricsMax = 50;

/** A parameter that may be repeated. */
const repeated = <Item extends z.ZodType<string, string>>(item: Item, max: number) =>
  z
    .union([item, z.array(item).min(1).max(max)])
    .transform((given) => [...new Set(Array.isArray(given) ? given : [given])]);

const yesOrNo = z.enum(["true", "false"]).default("true");

const querystring = z.object({
  device: repeated(deviceId, devicesMax).describe(`The appliance's id; repeat it for several, up to ${devicesMax}`),
  metric: repeated(metricName, metricsMax).optional().describe("Only these metrics; repeat it for several"),
  events: yesOrNo.describe("Whether events are wanted"),
  faster: yesOrNo.describe("Whether the appliances shall sample faster meanwhile, where the key may ask for that"),
});
type Query = z.output<typeof querystring>;

const description =
  "What appliances say, once it is stored, as events: first `metrics` (of each appliance what its model declares: label, unit and range), then `readings` (each as it was sent, with the metrics outside their declared range, those that the model does not declare, and whether the clock cannot be right), `events`, `sampling` (whether an appliance samples fast because it is watched, and until when), and `missed`: how much was left out because the reader did not take it in time, before what came after it. Where the appliances are of several households, those of households that did not agree that their data improves the product are left out, and a first event `left_out` says how many. It begins now; what was before is in the range queries. While it is watched an appliance that is online is asked to sample once a second, and it falls back by itself within 30 s of the last watcher's leaving. A stream ends after 15 minutes, when its reader takes nothing for 10 s, or within seconds of its right to read being gone.";

const addresses = [
  {
    url: "/api/v1/telemetry/live",
    permission: "telemetry.read",
    tags: ["telemetry"],
    word: " Who watches which appliance is on record.",
  },
  {
    url: "/api/v1/my/telemetry/live",
    permission: "my.read",
    tags: ["my"],
    word: " Nothing from before the appliance was the household's is shown.",
  },
] as const;

/** HTTP of the live tail: the same for staff and for owners, each at an address of their own. */
export function liveRoutes(server: FastifyInstance, deps: LiveRoutesDeps): void {
  for (const { url, permission, tags, word } of addresses) {
    server.withTypeProvider<ZodTypeProvider>().get(
      url,
      {
        config: { permission },
        sse: { kind: "only" },
        schema: {
          summary: "Watch what appliances say, as they say it (server-sent events)",
          description: description + word,
          tags,
          querystring,
        },
      },
      async (request, reply) => {
        const { principal, query } = request;
        const watched = await watchedDevices(deps, principal, query.device);
        if (watched === null) throw problem(deviceProblems, "device_not_found");
        await watch(request, reply, { ...deps, query, ...watched });
      },
    );
  }
}

/** The devices as this principal may watch them, or null where one of them is not theirs to see. */
async function watchedDevices(
  { seenBy, agreedToImprove }: LiveRoutesDeps,
  principal: Principal,
  ids: readonly string[],
): Promise<{ seen: SeenDevice[]; leftOut: LeftOut } | null> {
  const found = await Promise.all(ids.map((id) => seenBy(principal, id)));
  if (!found.every((one) => one !== null)) return null;
  const { spans, leftOut } = await lookedAtTogether(
    agreedToImprove,
    found.map(({ device }) => ({ device, sinceMs: 0 })),
  );
  const kept = new Set(spans.map(({ device }) => device));
  return { seen: found.filter(({ device }) => kept.has(device)), leftOut };
}

async function watch(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: LiveRoutesDeps & { query: Query; seen: readonly SeenDevice[]; leftOut: LeftOut },
): Promise<void> {
  const { tails, query, seen, leftOut } = deps;
  const { principal } = request;
  const devices = seen.map(({ device }) => device);
  const question = {
    by: principalText(principal),
    devices,
    metrics: query.metric === undefined ? null : new Set<string>(query.metric),
    events: query.events === "true",
    householdId: principal.kind === "owner" ? principal.householdId : null,
  };
  const outcome = tails.open(question, () => reply.raw.destroy());
  if (outcome.kind === "refused") throw problem(liveProblems, outcome.rule);
  const { tail } = outcome;
  const mayAsk = query.faster === "true" && deps.mayAsk(principal);
  let isAsking = false;
  try {
    if (principal.kind !== "owner")
      await deps.opened(
        principal,
        devices.map(({ id }) => id),
      );
    for (const device of devices) tail.say(deps.sampling.stateOf(device));
    if (mayAsk) deps.sampling.watch(principal, devices);
    isAsking = mayAsk;
    await serveStream(request, reply, {
      messages: messages(tail, leftOut, tails.declared(tail.question)),
      cut: () => tail.cut(),
      stillTheirs: async () => isSame(seen, (await watchedDevices(deps, principal, query.device))?.seen ?? null),
      recheckMs: tails.limits.recheckMs,
    });
  } finally {
    tails.close(tail);
    if (isAsking) deps.sampling.unwatch(devices);
  }
}

/** Whether the devices are still whose they were, since the same moment, and none of their households has withdrawn. */
const isSame = (before: readonly SeenDevice[], after: readonly SeenDevice[] | null): boolean =>
  after !== null &&
  before.every(({ device, owner }, at) => {
    const now = after[at];
    return now?.device.key === device.key && owner?.sinceMs === now.owner?.sinceMs;
  });

async function* messages(tail: LiveTail, leftOut: LeftOut, declared: readonly object[]) {
  if (leftOut !== null) yield { event: "left_out", data: leftOut };
  yield { event: "metrics", data: { devices: declared } };
  for await (const word of tail.words()) yield view(word);
}

function view(word: LiveWord): { event: string; data: object } {
  switch (word.kind) {
    case "readings":
      return { event: word.kind, data: { readings: word.readings } };
    case "events":
      return { event: word.kind, data: { events: word.events } };
    case "sampling":
      return { event: word.kind, data: word.sampling };
    case "missed":
      return { event: word.kind, data: { readings: word.readings, events: word.events } };
  }
}
