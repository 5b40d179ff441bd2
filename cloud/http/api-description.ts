import { commandLifeMs } from "#protocol/command.ts";
import { closingSteps, deliveryKinds, deliverySteps } from "#protocol/delivery.ts";
import { feeds, topicPrefix } from "#protocol/topics.ts";

const own = `${topicPrefix}/devices/{id}`;
const content = `${topicPrefix}/content/{model}/{locale}/{feed}`;
const quoted = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");
const steps = deliveryKinds.map((kind) => `| ${kind} | ${quoted(deliverySteps[kind])} |`).join("\n");

/** What stands above the API's addresses, in Markdown: what holds for all of them, and the other half of the contract, which is MQTT. */
export const apiDescription = `Built-in service for connected appliances. Times are epoch milliseconds. Errors are \`application/problem+json\`
(RFC 9457): \`code\` is stable, \`help\` says what to do.

## What an appliance speaks

MQTT 3.1.1, QoS 1. Client id and user name are the device id, the password is its token. Connect with clean session off, so that nothing
is missed while away. Each payload is one JSON document of the schema that is named here: \`GET /api/schemas/{name}\`.

| topic | direction | schema |
|---|---|---|
| \`${own}/telemetry\` | up | Telemetry: one reading, or a list of them |
| \`${own}/events\` | up | DeviceEvent; the same \`id\` again changes nothing |
| \`${own}/reported\` | up | Reported: the keys that changed |
| \`${own}/receipts\` | up | Receipt: what became of a delivery |
| \`${own}/replies\` | up | Reply: the answer to a command |
| \`${own}/inbox\` | down | Delivery: one thing for this appliance |
| \`${own}/desired\` | down | Desired: the state that is wanted, whole; sent again at each connect |
| \`${content}\` | down, retained | FeedIndex: what is on a feed |
| \`${content}/{itemId}\` | down, retained | ContentItem |

Feeds are ${quoted(feeds)}. To hear everything, subscribe to \`${own}/inbox\`, \`${own}/desired\` and \`${topicPrefix}/content/{model}/#\`;
filters that reach beyond these are refused in the SUBACK. A publish to a topic that is not in this table, or not the appliance's own, ends the
connection, and the timeline says \`publish refused\`. A payload that is not of its schema is acknowledged and lies in
\`GET /api/v1/quarantine\` with the reason.

An answer to a delivery carries its \`id\` and \`attempt\`. A delivery may arrive more than once: answer in the same way. The steps of each
kind, in their order:

| kind | steps |
|---|---|
${steps}

A delivery of any kind may instead end with ${quoted(closingSteps)}, and a \`reason\`. A command is not answered by a receipt but by
a Reply, whose \`commandId\` is the delivery's \`id\`, within ${commandLifeMs / 1_000} s unless its sender gave it another time. An image is fetched over
HTTP from the offer's \`href\`, with Range; an appliance takes it only when the manifest's signature, model, hardware, length and sha256
fit, and its \`releaseCounter\` is above the one that runs.
`;
