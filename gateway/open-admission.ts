import { connack } from "#protocol/errors.ts";
import type { Admission } from "./connections.ts";
import { OpenAccess } from "./core/open-access.ts";

/**
 * Lets everybody in under the client id that they give, or under a new one where they give none (clause 3.1.3.1).
 *
 * @param newId called for clients without an id
 */
export const openAdmission = (newId: () => string): Admission => ({
  async check({ clientId, clean }) {
    // A session could not be found again under a name that its client does not know [MQTT-3.1.3-8].
    if (clientId === "" && !clean) {
      const because = { kind: "login_refused", reason: "client_id_missing" } as const;
      return { kind: "refused", code: connack.identifierRejected, because };
    }
    const access = new OpenAccess(clientId === "" ? newId() : clientId);
    return { kind: "accepted", access, login: "open", token: null };
  },
});
