import { connect, type MqttClient } from "mqtt";
import { claimPrefix } from "#protocol/link/messages.ts";
import { claimClientId, provisioningReply, type ProvisioningReply } from "#protocol/provisioning.ts";
import { buildTopic } from "#protocol/topics.ts";
import { readJson } from "../agent/read-json.ts";
import type { Timers } from "../platform/timers.ts";

/** What every appliance of a production batch carries until it has a certificate of its own. */
export interface ClaimCredential {
  batch: string;
  secret: string;
}

export interface FirstContact {
  broker: string;
  /** PEM of the root that the broker's certificate leads to; without it, the roots that the system believes. */
  ca?: string;
  claim: ClaimCredential;
  serial: string;
  /** The request's payload. */
  payload: string;
  timers: Timers;
  /** Ends what is under way. */
  signal: AbortSignal;
}

/** The gateway lets a claim connection stay a minute. */
const answerMsMax = 30_000;

/**
 * Asks for a certificate with the claim credential, over a connection of its own: connect, subscribe to the answer, ask, hear, go.
 *
 * @throws where no answer comes: the login was refused, the line broke, or it took too long
 */
export async function firstContact(options: FirstContact): Promise<ProvisioningReply> {
  const { broker, ca, claim, serial, timers, signal } = options;
  const client = connect(broker, {
    clientId: claimClientId(claim.batch, serial),
    username: claimPrefix + claim.batch,
    password: claim.secret,
    clean: true,
    protocolVersion: 4,
    connectTimeout: 15_000,
    reconnectPeriod: 0,
    timerVariant: "native",
    ...(ca === undefined ? {} : { ca }),
  });
  const { promise, resolve, reject } = Promise.withResolvers<ProvisioningReply>();
  const giveUp = (): void => {
    reject(new Error("no answer came"));
  };
  const endTimer = timers.after(answerMsMax, giveUp);
  signal.addEventListener("abort", giveUp, { once: true });
  client.on("error", reject);
  client.on("close", giveUp);
  client.on("message", (_topic, payload) => {
    const reply = provisioningReply.safeParse(readJson(payload));
    if (reply.success) resolve(reply.data);
    else reject(new Error("the answer is of no shape that is known"));
  });
  client.on("connect", () => {
    ask(client, options).catch(reject);
  });
  try {
    return await promise;
  } finally {
    endTimer();
    signal.removeEventListener("abort", giveUp);
    client.end(true);
  }
}

async function ask(client: MqttClient, { claim, serial, payload }: FirstContact): Promise<void> {
  const topic = { kind: "provisioning", batch: claim.batch, serial } as const;
  await client.subscribeAsync(buildTopic({ ...topic, direction: "reply" }), { qos: 1 });
  await client.publishAsync(buildTopic({ ...topic, direction: "request" }), payload, { qos: 1 });
}
