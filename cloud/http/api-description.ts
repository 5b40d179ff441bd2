import { commandLifeMs } from "#protocol/command.ts";
import { closingSteps, deliveryKinds, deliverySteps } from "#protocol/delivery.ts";
import { pairingAlphabet, pairingCodeLength } from "#protocol/pairing.ts";
import { feeds, ownBatch, topicPrefix } from "#protocol/topics.ts";

const own = `${topicPrefix}/devices/{id}`;
const quoted = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");
const steps = deliveryKinds.map((kind) => `| ${kind} | ${quoted(deliverySteps[kind])} |`).join("\n");

/** What stands above the API's addresses, in Markdown: what holds for all of them, and the other half of the contract, which is MQTT. */
export const apiDescription = `Built-in service for connected appliances. Times are epoch milliseconds. Errors are \`application/problem+json\`
(RFC 9457): \`code\` is stable, \`help\` says what to do.

## What an appliance speaks

MQTT 3.1.1, QoS 1. Client id and user name are the device id, the password is its token. Connect with clean session off, so that nothing
is missed while away. Each payload is one JSON document of the schema that is named here in bold: \`GET /api/schemas/{name}\`.

An appliance publishes below \`${own}/\`:

- \`telemetry\` **Telemetry**: one reading, or a list of them
- \`events\` **DeviceEvent**; the same \`id\` again changes nothing
- \`reported\` **Reported**: the keys of its state that changed
- \`receipts\` **Receipt**: what became of a delivery
- \`replies\` **Reply**: the answer to a command

It subscribes, below the same, to

- \`inbox\` **Delivery**: one thing for this appliance
- \`desired\` **Desired**: the state that is wanted, whole; sent again at each connect

and to \`${topicPrefix}/content/{model}/#\`, where \`{locale}/{feed}\` holds a FeedIndex and \`{locale}/{feed}/{itemId}\` a ContentItem,
both retained. Feeds are ${quoted(feeds)}. A filter that reaches beyond these is refused in the SUBACK.

A publish to another topic, or below another appliance's, ends the connection, and the timeline says \`publish refused\`. A payload that
is not of its schema is acknowledged and lies in \`GET /api/v1/quarantine\` with the reason.

What a decision sent says in \`why\` why this household got it. Show it only to whoever asks ('Why am I seeing this?'): guests see the display, too.

An answer to a delivery carries its \`id\` and \`attempt\`. A delivery may arrive more than once: answer in the same way. The steps of each
kind, in their order:

| kind | steps |
|---|---|
${steps}

A delivery of any kind may instead end with ${quoted(closingSteps)}, and a \`reason\`.

A command is not answered by a receipt but by a Reply, whose \`commandId\` is the delivery's \`id\`, within ${commandLifeMs / 1_000} s unless its
sender gave it another time.

## Firmware

A delivery of firmware is a FirmwareOffer: a hint to go and look, of which nothing is believed. An appliance follows the signed
repository (TUF, consistent snapshots) from the root that it was made with, at \`metadataHref\`; fetches the director's statement, a compact
JWS with the claims of UpdateStatement, from \`statementHref\`; and then the image from \`imageHref\`, with Range and If-Range. It installs only
when both are verified and agree on path, length, SHA-256 and counter; when the signed TargetCustom names its model and hardware; when
the statement speaks to it, with a \`seq\` above the last one; and when the \`releaseCounter\` is above that of its last confirmed boot,
which is at least \`minCounter\`.

## First contact

An appliance that has no token makes its own key and gets a certificate, over TLS. It connects with client id \`claim:{batch}:{serial}\`,
user name \`claim:{batch}\` and its batch's claim secret as password, clean session and no will, subscribes to
\`${topicPrefix}/provisioning/{batch}/{serial}/reply\` and publishes a ProvisioningRequest to the same with \`request\`. The answer is a
ProvisioningReply. Then it connects with its certificate: the client id is its serial number, and there is no password.

It saves its key before it asks: the same key again gets the same certificate again, so that nothing is lost with the power. From
\`renewFromMs\` on it asks for the next one, with a new key, connected as itself and below \`${topicPrefix}/provisioning/${ownBatch}/{id}/\`; the
one before counts until its end. \`try_again\` means what it says, in a while. The serial numbers of a batch are put on its list with
\`POST /api/v1/devices/import\`.

## Whose it is

A person at the appliance asks it for a code: ${pairingCodeLength} characters of \`${pairingAlphabet}\`, which it makes itself, at random, and shows. It
says so with the event \`pairing.opened\`, whose \`data\` is a PairingOpened, and takes it back with \`pairing.closed\`. Who sends the code
to \`POST /api/v1/my/pair\` has the appliance. A code is good once, from when the gateway hears of it; one appliance shows one at a time.

The event \`factory.reset\` says that a person set it back: it is nobody's then, as after its owner's hand-over. Say it until it is
acknowledged, through power cuts too. Where \`desired\` carries a higher \`tenure\` than before, a household has left from afar: what
the appliance holds of people goes. Each time its connection is ended, and its session with it; its token stays good.

Owners and members have keys of their own, and the addresses below \`/api/v1/my/\`: they see their household, and their appliances from when
they came to it. Staff's keys open nothing there, nor theirs anything else.
`;
