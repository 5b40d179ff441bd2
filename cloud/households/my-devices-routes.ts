import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { type DeviceRow, reportedValues } from "../devices/devices.ts";
import { owner } from "../staff/staff.ts";
import { member, pairRequest } from "./core/household.ts";
import type { Households } from "./households.ts";
import { refuse, unkept } from "./my-routes.ts";

const tags = ["my"];
const byDevice = z.object({ id: deviceId });

const myDevice = z
  .object({
    id: z.string(),
    model: z.string(),
    serial: z.string(),
    sinceMs: z
      .number()
      .nullable()
      .describe("Since when it is yours; null: since it was made. Nothing from before is shown"),
    online: z.boolean(),
    presenceAtMs: z.number().nullable().describe("When it last came or went"),
    reported: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "MyDevice" });

/** What an appliance reports of itself and not of its people: it stays true when they change. */
const hardwareKeys = new Set(["firmware", "releaseCounter", "hardware"]);

function view(row: DeviceRow): z.infer<typeof myDevice> {
  const { household_since_ms: sinceMs, presence_at_ms: presenceAtMs } = row;
  const isTheirs = (atMs: number) => sinceMs === null || atMs >= sinceMs;
  const reported = Object.entries(row.reported).filter(([key, { atMs }]) => hardwareKeys.has(key) || isTheirs(atMs));
  return {
    id: row.id,
    model: row.model,
    serial: row.serial,
    sinceMs,
    online: row.online,
    presenceAtMs: presenceAtMs !== null && isTheirs(presenceAtMs) ? presenceAtMs : null,
    reported: reportedValues(Object.fromEntries(reported)),
  };
}

/** HTTP of a household's own appliances: getting one, looking at it, and giving it away. */
export function myDevicesRoutes(server: FastifyInstance, households: Households): void {
  pairRoute(server, households);
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/my/devices",
    {
      config: { permission: "my.read" },
      schema: { summary: "Your appliances", tags, response: { 200: z.object({ items: z.array(myDevice) }) } },
    },
    async (request) => ({ items: (await households.devicesOf(owner(request.principal).householdId)).map(view) }),
  );
  app.get(
    "/api/v1/my/devices/:id",
    {
      config: { permission: "my.read" },
      schema: { summary: "Read one of your appliances", tags, params: byDevice, response: { 200: myDevice } },
    },
    async (request, reply) => {
      const row = await households.deviceOf(owner(request.principal).householdId, request.params.id);
      return row === null ? refuse(reply, { rule: "my_device_not_found" }) : view(row);
    },
  );
  app.post(
    "/api/v1/my/devices/:id/hand-over",
    {
      config: { permission: "my.manage" },
      schema: {
        summary: "Give an appliance away",
        description:
          "It is nobody's from now on, until somebody pairs it at the appliance. What was on its way to it is cancelled, what was wanted of it is forgotten, and its connection begins anew. What it did until now stays out of sight of whoever has it next.",
        tags,
        params: byDevice,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await households.handOver(owner(request.principal), request.params.id);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      return reply.code(204).send(null);
    },
  );
}

function pairRoute(server: FastifyInstance, households: Households): void {
  const paired = z
    .object({
      household: z.object({ id: z.uuid(), name: z.string() }),
      device: z.object({ id: z.string(), model: z.string() }),
      you: z.object({ memberId: z.uuid(), role: member.shape.role }),
      secret: z.string().nullable(),
    })
    .meta({ id: "Paired" });
  server.withTypeProvider<ZodTypeProvider>().post(
    "/api/v1/my/pair",
    {
      config: { permission: "my.pair", keyless: true },
      schema: {
        summary: "Take the appliance whose code you see",
        description:
          "Without a key this makes a household with you as its owner; `secret` is your key, in this answer and nowhere else. With your key the appliance joins your household, and only `code` counts. Locale and time zone are `en` and `UTC` where left out. A code is good once; wrong ones are counted. With `welcome`, the code that you were sent before, what is known of you becomes this household's.",
        tags,
        security: [{}, { key: [] }],
        body: pairRequest,
        response: { 200: paired, 201: paired },
      },
    },
    async (request, reply) => {
      const { principal } = request;
      const by = principal.kind === "owner" ? principal : null;
      const outcome = await households.pairing.redeem(by, request.body, request.ip);
      if (outcome.kind === "refused") return refuse(reply, outcome);
      const { household, device, member: you, secret } = outcome;
      return unkept(reply)
        .code(secret === null ? 200 : 201)
        .send({
          household: { id: household.id, name: household.name },
          device: { id: device.id, model: device.model },
          you,
          secret,
        });
    },
  );
}
