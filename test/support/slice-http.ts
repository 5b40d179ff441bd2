/** HTTP around the routes of one slice, for its tests: the real server, with a key per role whose secret is the role's name. */
import type { FastifyInstance } from "fastify";
import { createHttp } from "../../cloud/http/http.ts";
import { KeyGuard } from "../../cloud/http/key-guard.ts";
import { systemClock } from "../../cloud/platform/clock.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { staffRoles, type Principal, type StaffRole } from "../../cloud/staff/staff.ts";

const isRole = (text: string): text is StaffRole => staffRoles.some((role) => role === text);

const staffPrincipal = (role: StaffRole): Principal => ({ kind: "staff", id: role, name: role, role });

export const createSliceHttp = (routes: (app: FastifyInstance) => void): Promise<FastifyInstance> =>
  createHttp({
    logger: createLogger("silent"),
    authenticate: async (secret) => (isRole(secret) ? staffPrincipal(secret) : null),
    keyGuard: new KeyGuard({ clock: systemClock, note() {} }),
    routes,
    problems: {},
  });

/** One request as a staff member of `role`; the body, where there is one, goes as JSON. */
export async function call(
  app: FastifyInstance,
  role: StaffRole,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  url: string,
  payload?: object,
) {
  const response = await app.inject({
    method,
    url: `/api/v1${url}`,
    headers: { authorization: `Bearer ${role}` },
    ...(payload === undefined ? {} : { payload }),
  });
  const isJson = String(response.headers["content-type"]).includes("json");
  return { status: response.statusCode, body: isJson ? response.json() : null };
}
