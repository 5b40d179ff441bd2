import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CampaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { runCommand } from "../../test/support/command.ts";
import { dkimOf } from "../../test/support/dkim.ts";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type KitchenAnswer, type Person } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
let stage: CampaignKitchen;
let ranges = 0;

/** A mail server that answers as a test says. */
const mail = { code: 250, got: [] as { to: string[]; text: string; raw: string }[], beforeAnswer: async () => {} };
const mailServer = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  onData(stream, session, done) {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      if (mail.code !== 250) return done(Object.assign(new Error("not now"), { responseCode: mail.code }));
      const to = session.envelope.rcptTo.map(({ address }) => address);
      // Long headers are folded (RFC 5322, clause 2.2.3).
      mail.got.push({
        to,
        raw: Buffer.concat(chunks).toString("latin1"),
        text: Buffer.concat(chunks)
          .toString("utf8")
          .replaceAll(/\r\n[ \t]+/g, " "),
      });
      return void mail.beforeAnswer().then(() => done());
    });
  },
});
const mailKeys = generateKeyPairSync("rsa", { modulusLength: 2_048 });
/** The maker's app. */
const app = { status: 200, got: [] as { headers: IncomingHttpHeaders; body: string }[] };
const appServer = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    app.got.push({ headers: request.headers, body: Buffer.concat(chunks).toString("utf8") });
    response.writeHead(app.status).end();
  });
});
const portOf = (address: AddressInfo | string | null): number =>
  address === null || typeof address === "string" ? 0 : address.port;

beforeAll(async () => {
  await new Promise<void>((done) => {
    mailServer.listen(0, "127.0.0.1", done);
  });
  await new Promise<void>((done) => {
    appServer.listen(0, "127.0.0.1", done);
  });
  const url = `smtp://127.0.0.1:${portOf(mailServer.server.address())}`;
  const dkim = { domain: "maker.example", selector: "hearth", key: mailKeys.privateKey };
  const notices = { mail: { url, from: "hearth@maker.example", dkim }, reach: "loopback" as const };
  kitchen = await Kitchen.open({ clock: new SetClock(), notices });
  stage = new CampaignKitchen(kitchen);
});
afterAll(async () => {
  await kitchen.close();
  appServer.closeAllConnections();
  await new Promise((done) => appServer.close(done));
  await new Promise<void>((done) => mailServer.close(() => done()));
});
beforeEach(async () => {
  await stage.policy();
  Object.assign(mail, { code: 250, got: [], beforeAnswer: async () => {} });
  Object.assign(app, { status: 200, got: [] });
});

const range = () => {
  ranges += 1;
  const head = `C${String(ranges).padStart(3, "0")}`;
  return { of: (n: number) => `${head}-${n}`, from: `${head}-0`, to: `${head}-9` };
};
const order = (person: Person, ...names: string[]) =>
  kitchen.call(person.key, "PATCH", "/my/household", { channels: { order: names, quiet: null, perWeekMax: null } });
const minuteInBerlin = (atMs: number): number => {
  const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO("Europe/Berlin");
  return at.hour * 60 + at.minute;
};
const goOut = async () => {
  await stage.tick();
  await kitchen.slices.engagement.tickLetters();
};
const linkIn = (text: string): string =>
  /<(https:\/\/hearth\.example\/api\/v1\/unsubscribe\/[^>]+)>/.exec(text)?.[1] ?? "";
const post = (link: string, payload = "List-Unsubscribe=One-Click") =>
  kitchen.app.inject({
    method: "POST",
    url: link.slice("https://hearth.example".length),
    headers: { "content-type": "application/x-www-form-urlencoded" },
    payload,
  });

test("a letter goes out under the brand, and one click without a login stops the next, but not what concerns safety", async () => {
  const { of, from, to } = range();
  await kitchen.as("admin", "PUT", "/models/oven", {
    ...(await kitchen.as("viewer", "GET", "/models/oven")).body,
    version: 2,
    branding: { name: "Maker", sender: { name: "Maker Kitchen", email: "kitchen@maker.example" } },
  });
  const person = await stage.household(of(1), ["market"], "ada@example.com");
  await order(person, "email");
  const id = await stage.run(stage.campaign([await stage.message("Sunday roast")], from, to));
  await goOut();
  expect(mail.got).toHaveLength(1);
  const [{ to: receivers, text, raw } = { to: [], text: "", raw: "" }] = mail.got;
  expect(receivers).toEqual(["ada@example.com"]);
  expect(text).toMatch(/^From: Maker Kitchen <kitchen@maker\.example>/m);
  expect(text).toMatch(/^Subject: Sunday roast/m);
  expect(text).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/m);
  // The receiver's mail server takes one click for the sender's word only where the signature covers both headers (RFC 8058).
  const signature = dkimOf(raw, mailKeys.publicKey);
  expect([signature?.isRight, signature?.tags.get("d"), signature?.tags.get("s")]).toEqual([
    true,
    "maker.example",
    "hearth",
  ]);
  expect(signature?.tags.get("h")?.split(":")).toEqual(
    expect.arrayContaining(["from", "list-unsubscribe", "list-unsubscribe-post"]),
  );
  const altered = raw.replace("/unsubscribe/", "/unsubscribed/");
  expect(dkimOf(altered, mailKeys.publicKey)?.isRight).toBe(false);
  expect((await stage.read(id)).funnel).toMatchObject({ queued: 1, sent: 1 });
  const link = linkIn(text);
  // Whoever looks through mail for viruses opens links, and changes nothing by it.
  const looked = await kitchen.app.inject({ method: "GET", url: link.slice("https://hearth.example".length) });
  expect([looked.statusCode, looked.body.includes('method="post"')]).toEqual([200, true]);
  await stage.run(stage.campaign([await stage.message("Still")], from, to));
  await goOut();
  expect(mail.got).toHaveLength(2);
  expect((await post(link)).statusCode).toBe(200);
  expect((await post(link)).statusCode).toBe(200);
  const after = await stage.run(stage.campaign([await stage.message("No more")], from, to));
  await goOut();
  expect(mail.got).toHaveLength(2);
  expect((await stage.read(after)).funnel.suppressed).toEqual({ no_channel: 1 });
  await stage.run(stage.recall(await stage.message("Door hinge", { class: "recall" }), from, to));
  await goOut();
  expect(mail.got).toHaveLength(3);
  expect(mail.got[2]?.text).not.toMatch(/^List-Unsubscribe/m);
});

/** What a letter in these colours has. */
const coloured = (accent: string, ink: string, paper: string) => [
  expect.stringContaining(`background:${paper};color:${ink};`),
  expect.stringContaining(`border-top:4px solid ${accent}`),
];

test("a letter wears the colours of the model's brand, and none but the maker's own where it names some", async () => {
  const { of } = range();
  const letterOf = async (n: number, title: string): Promise<string> => {
    await order(await stage.household(of(n), ["market"], `colour-${n}@example.com`), "email");
    await stage.run(stage.campaign([await stage.message(title)], of(n), of(n)));
    await goOut();
    // Long lines are broken softly (RFC 2045, clause 6.7).
    return (mail.got.at(-1)?.text ?? "").replaceAll(/=\r?\n/g, "");
  };
  const [plainBody, plainLine] = coloured("#9a3412", "#1c1917", "#ffffff");
  const plain = await letterOf(1, "In plain colours");
  expect([plain, plain]).toEqual([plainBody, plainLine]);
  const { body: model } = await kitchen.as("viewer", "GET", "/models/oven");
  const colours = { accent: "#0f766e", ink: "#10211f", paper: "#f0fdfa" };
  const branding = { ...model.branding, colours };
  expect(
    (await kitchen.as("admin", "PUT", "/models/oven", { ...model, version: model.version + 1, branding })).status,
  ).toBe(200);
  const [ownBody, ownLine] = coloured(colours.accent, colours.ink, colours.paper);
  const own = await letterOf(2, "In our colours");
  expect([own, own]).toEqual([ownBody, ownLine]);
  expect(own).not.toMatch(/#9a3412|#1c1917|#ffffff/);
  expect(own).toContain(`style=3D"color:${colours.ink}"`);
});

test("a link that was changed by one character opens nothing", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), ["market"], "cleo@example.com");
  await order(person, "email");
  await stage.run(stage.campaign([await stage.message("Pie")], from, to));
  await goOut();
  const link = linkIn(mail.got[0]?.text ?? "");
  const at = link.lastIndexOf("/") + 5;
  const forged = link.slice(0, at) + (link[at] === "A" ? "B" : "A") + link.slice(at + 1);
  expect((await post(forged)).json()).toMatchObject({ status: 400, code: "unsubscribe_link_invalid" });
  await stage.run(stage.campaign([await stage.message("Tart")], from, to));
  await goOut();
  expect(mail.got).toHaveLength(2);
});

test("a click between the decision and the letter still stops the letter, and so does a consent that is withdrawn", async () => {
  const { of, from, to } = range();
  const [ada, ben] = [
    await stage.household(of(1), ["market"], "a1@example.com"),
    await stage.household(of(2), ["market"], "b1@example.com"),
  ];
  for (const person of [ada, ben]) await order(person, "email");
  await stage.run(stage.campaign([await stage.message("First")], from, to));
  await goOut();
  const link = linkIn(mail.got.find(({ to: [address] }) => address === "a1@example.com")?.text ?? "");
  await stage.run(stage.campaign([await stage.message("Second")], from, to));
  await stage.tick();
  await post(link);
  await stage.withdraw(ben, "market");
  await kitchen.slices.engagement.tickLetters();
  expect(mail.got).toHaveLength(2);
});

test("bounces stop an address for everything, complaints for advertising, and a full mailbox stops nothing", async () => {
  const { of, from, to } = range();
  const addresses = ["bounced@example.com", "complained@example.com", "full@example.com"];
  for (const [n, address] of addresses.entries())
    await order(await stage.household(of(n), ["market"], address), "email");
  const events = [
    { kind: "bounce", address: "Bounced@example.com", permanent: true },
    { kind: "complaint", address: "complained@example.com" },
    { kind: "bounce", address: "full@example.com", permanent: false },
  ];
  // The mail server's hook has a key that opens this and nothing else.
  const { body } = await kitchen.as("mail", "POST", "/mail-events", { events });
  expect(body).toEqual({ stopped: 2 });
  for (const path of ["/devices", "/households", "/decisions", "/metrics"])
    expect((await kitchen.as("mail", "GET", path)).status).not.toBe(200);
  expect((await kitchen.as("facts", "POST", "/mail-events", { events })).status).toBe(403);
  await stage.run(stage.campaign([await stage.message("Advert")], from, to));
  await goOut();
  expect(mail.got.map(({ to: [address] }) => address)).toEqual(["full@example.com"]);
  mail.got = [];
  await stage.run(stage.campaign([await stage.message("Service", { class: "service" })], from, to));
  await goOut();
  expect(new Set(mail.got.map(({ to: [address] }) => address))).toEqual(
    new Set(["complained@example.com", "full@example.com"]),
  );
  expect(mail.got).toHaveLength(2);
});

test("a mail server that is busy is asked again, one that refuses for good is not, and nobody gets a letter twice", async () => {
  const { of, from, to } = range();
  await order(await stage.household(of(1), ["market"], "again@example.com"), "email");
  const id = await stage.run(stage.campaign([await stage.message("Again")], from, to));
  mail.code = 450;
  await goOut();
  expect((await stage.read(id)).funnel).toMatchObject({ sent: 0, ended: 0 });
  mail.code = 250;
  kitchen.clock.forward(60_000);
  await goOut();
  await goOut();
  expect(mail.got).toHaveLength(1);
  mail.code = 550;
  const other = await stage.run(stage.campaign([await stage.message("Never")], from, to));
  await goOut();
  kitchen.clock.forward(dayMs);
  await goOut();
  expect((await stage.read(other)).funnel).toMatchObject({ queued: 1, sent: 0, ended: 1 });
});

test("a letter that was put off does not come in the household's quiet hours instead", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), ["market"], "sleeps@example.com");
  const begins = (minuteInBerlin(stage.nowMs) + 10) % 1_440;
  const quiet = { fromMinute: begins, toMinute: (begins + 120) % 1_440, meanwhile: "hold" };
  await kitchen.call(person.key, "PATCH", "/my/household", {
    channels: { order: ["email"], quiet, perWeekMax: null },
  });
  await stage.run(stage.campaign([await stage.message("Late")], from, to));
  mail.code = 450;
  await goOut();
  mail.code = 250;
  kitchen.clock.forward(30 * 60_000);
  await goOut();
  expect(mail.got).toEqual([]);
  kitchen.clock.forward(60 * 60_000);
  await goOut();
  expect(mail.got).toEqual([]);
  kitchen.clock.forward(60 * 60_000);
  await goOut();
  expect(mail.got).toHaveLength(1);
});

test("a letter that waits for the end of quiet hours goes when they are lifted, and longer ones hold what has not gone", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), ["market"], "naps@example.com");
  const quiet = (forMinutes: number | null) => {
    const now = minuteInBerlin(stage.nowMs);
    const hours = { fromMinute: (now + 1_430) % 1_440, toMinute: (now + (forMinutes ?? 0)) % 1_440, meanwhile: "hold" };
    return kitchen.call(person.key, "PATCH", "/my/household", {
      channels: { order: ["email"], quiet: forMinutes === null ? null : hours, perWeekMax: null },
    });
  };
  await quiet(null);
  await stage.run(stage.campaign([await stage.message("Nap")], from, to));
  await stage.tick();
  // Queued by day, and not gone yet.
  await quiet(60);
  await goOut();
  expect(mail.got).toEqual([]);
  await quiet(120);
  kitchen.clock.forward(70 * 60_000);
  await goOut();
  expect(mail.got).toEqual([]);
  await quiet(null);
  await goOut();
  expect(mail.got).toHaveLength(1);
});

test("a letter says in its own language why it comes and how it stops, and measures as its household does", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), [], "greta@example.com");
  await order(person, "email");
  await kitchen.call(person.key, "PATCH", "/my/household", { locale: "de-AT", units: "imperial" });
  const points = await stage.message("Points", {
    class: "loyalty_status",
    locales: { en: { title: "Points", text: "At {{200 °C}}" }, de: { title: "Punkte", text: "Bei {{200 °C}}" } },
  });
  await stage.run(stage.campaign([points], from, to));
  await goOut();
  const [letter] = mail.got;
  const plain = letter?.text.replaceAll(/=\r\n/g, "") ?? "";
  expect(plain).toMatch(/^Subject: Punkte/m);
  expect(plain).toContain("weil es um die Punkte Ihres Haushalts geht");
  expect(plain).toContain("Keine solchen Briefe mehr");
  expect(plain).not.toMatch(/No more letters|agreed/);
  expect(plain).toContain("390");
  const url = linkIn(plain).slice("https://hearth.example".length);
  const asked = (language: string) =>
    kitchen.app.inject({ method: "GET", url, headers: { "accept-language": language } });
  expect((await asked("de-AT,de;q=0.9,en;q=0.8")).body).toContain('<html lang="de">');
  expect((await asked("fr")).body).toContain("Arrêter ces lettres");
  expect((await asked("nl, *;q=0.5, ja")).body).toContain("お便りを停止する");
  expect((await asked("en-GB, de")).body).toContain("Stop these letters");
  expect((await asked("nl")).body).toContain("Stop these letters");
});

test("the maker's app is told by a signed webhook, once, and no more after it answers 410", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  await order(person, "webhook", "display");
  const url = `http://127.0.0.1:${portOf(appServer.address())}/hearth`;
  const { secret } = (await kitchen.as("admin", "PUT", "/engagement/app", { url })).body;
  await stage.run(stage.campaign([await stage.message("In the app")], from, to));
  await goOut();
  await goOut();
  expect(app.got).toHaveLength(1);
  const [{ headers, body } = { headers: {}, body: "" }] = app.got;
  const at = Number(headers["webhook-timestamp"]);
  expect(Number.isInteger(at)).toBe(true);
  const signed = new Webhook(secret).sign(String(headers["webhook-id"]), new Date(at * 1_000), body);
  expect(headers["webhook-signature"]).toBe(signed);
  expect(JSON.parse(body)).toMatchObject({
    type: "hearth.message.send",
    data: { householdId: person.householdId, item: { title: "In the app", kind: "message" } },
  });
  app.status = 410;
  await stage.run(stage.campaign([await stage.message("Gone")], from, to));
  await goOut();
  const after = await stage.run(stage.campaign([await stage.message("Display")], from, to));
  await goOut();
  expect(app.got).toHaveLength(2);
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ channels: ["display"] });
  expect((await stage.read(after)).funnel.queued).toBe(1);
  const refused = async (address: string) =>
    (await kitchen.as("admin", "PUT", "/engagement/app", { url: address })).body;
  expect(await refused("http://10.0.0.1/")).toMatchObject({
    code: "app_url_invalid",
    errors: [{ pointer: "/body/url", message: "must be an https address without user name, password or fragment" }],
  });
  expect(await refused("https://[fd00::1]/")).toMatchObject({
    code: "app_url_private",
    errors: [{ pointer: "/body/url", message: "[fd00::1] is not in the internet" }],
  });
  await kitchen.as("admin", "DELETE", "/engagement/app");
});

test("a recall reaches households that agreed to nothing, in the night, over every cap, and appliances that nobody owns", async () => {
  await stage.policy({ caps: [{ days: 1, max: 0, classes: ["promotional", "loyalty_status"] }], holdoutShare: 0.15 });
  const { of, from, to } = range();
  const quiet = { fromMinute: 0, toMinute: 1_439, meanwhile: "skip" };
  const people: Person[] = [];
  for (let n = 0; n < 4; n += 1) {
    const person = await stage.household(of(n), []);
    await kitchen.call(person.key, "PATCH", "/my/household", { channels: { order: ["email"], quiet, perWeekMax: 0 } });
    people.push(person);
  }
  const [first, , third] = people;
  if (first === undefined || third === undefined) throw new Error("there are four");
  await stage.writeTo(third, "third@example.com");
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: of(7), model: "oven", serial: of(7) }] });
  const item = await stage.message("Door hinge", { class: "recall" });
  const id = await stage.run(stage.recall(item, from, to));
  await goOut();
  for (const n of [0, 1, 2, 3, 7])
    expect(await stage.inbox(of(n))).toMatchObject([{ kind: "message", phase: "queued" }]);
  const counts = async () =>
    Object.fromEntries(
      (await stage.read(id)).recall.map((one: { status: string; households: number; appliances: number }) => [
        one.status,
        [one.households, one.appliances],
      ]),
    );
  expect(await counts()).toEqual({ on_its_way: [3, 4], emailed: [1, 1] });
  const inbox = await Promise.all([0, 1, 3, 7].map(async (n) => (await stage.inbox(of(n)))[0]));
  await stage.receipt(of(0), inbox[0].id, "shown", "acted");
  await stage.receipt(of(1), inbox[1].id, "shown");
  await kitchen.as("support", "POST", `/deliveries/${inbox[2].id}/cancel`);
  await stage.receipt(of(7), inbox[3].id, "shown", "acted");
  expect(await counts()).toEqual({ acknowledged: [1, 2], shown: [1, 1], emailed: [1, 1], unreachable: [1, 1] });
  const csv = await kitchen.send("support", "GET", `/api/v1/campaigns/${id}/unreachable.csv`);
  expect(String(csv.body).trim().split("\n")).toEqual([
    "household_id,household_name,household_people,locale,serials,model,why,detail,household_references",
    expect.stringMatching(
      new RegExp(`^${people[3]?.householdId},[^,]+,Person \\d+,en,${of(3)},oven,no address,cancelled,$`),
    ),
  ]);
  const { items } = (await kitchen.as("viewer", "GET", `/campaigns/${id}/recall?status=acknowledged`)).body;
  expect(items.map(({ householdId }: { householdId: string | null }) => householdId)).toEqual(
    expect.arrayContaining([first.householdId, null]),
  );
  expect((await kitchen.as("viewer", "GET", `/campaigns/${id}/unreachable.csv`)).status).toBe(403);
});

test("an appliance that comes when a recall is out shows it and is counted: one that is new, one of a household that has others, one that somebody takes over", async () => {
  await stage.policy();
  const { of, from, to } = range();
  const owner = await stage.household(of(0), []);
  const id = await stage.run(stage.recall(await stage.message("Door hinge", { class: "recall" }), from, to));
  const counts = async () => {
    kitchen.clock.forward(60_000);
    await goOut();
    return Object.fromEntries(
      (await stage.read(id)).recall.map((one: { status: string; households: number; appliances: number }) => [
        one.status,
        [one.households, one.appliances],
      ]),
    );
  };
  const acknowledge = async (device: string) =>
    stage.receipt(device, (await stage.inbox(device))[0].id, "shown", "acted");
  expect(await counts()).toEqual({ on_its_way: [1, 1] });
  await acknowledge(of(0));
  expect(await counts()).toEqual({ acknowledged: [1, 1] });

  // New: nobody's, another household's, and a second one of the first.
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: of(1), model: "oven", serial: of(1) }] });
  const other = await stage.household(of(2), []);
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: of(3), model: "oven", serial: of(3) }] });
  await kitchen.call(owner.key, "POST", "/my/pair", { code: await kitchen.showCode(of(3)) });
  expect(await counts()).toEqual({ on_its_way: [2, 4] });
  // One of two was acknowledged: its household is where the other is.
  const waiting = (await kitchen.as("viewer", "GET", `/campaigns/${id}/recall?status=on_its_way`)).body.items;
  expect(
    waiting
      .find(({ householdId }: { householdId: string | null }) => householdId === owner.householdId)
      .appliances.map((one: { acknowledgedAtMs: number | null }) => one.acknowledgedAtMs !== null),
  ).toEqual([true, false]);
  for (const n of [1, 2, 3]) expect(await stage.inbox(of(n))).toMatchObject([{ kind: "message", phase: "queued" }]);
  // The second one shows it by the decision about its household, and says for itself that it was acknowledged.
  await acknowledge(of(3));
  const { items } = (await kitchen.as("viewer", "GET", `/campaigns/${id}/recall?status=acknowledged`)).body;
  expect(
    items[0].appliances.map((one: { deviceId: string; acknowledgedAtMs: number | null }) => [
      one.deviceId,
      one.acknowledgedAtMs !== null,
    ]),
  ).toEqual([
    [of(0), true],
    [of(3), true],
  ]);

  // What was acknowledged by whoever had it before is not by whoever has it now.
  await kitchen.call(owner.key, "POST", `/my/devices/${of(0)}/hand-over`);
  await kitchen.call(other.key, "POST", "/my/pair", { code: await kitchen.showCode(of(0)) });
  expect(await counts()).toEqual({ acknowledged: [1, 1], on_its_way: [1, 3] });
  expect((await stage.inbox(of(0))).map(({ phase }) => phase)).toEqual(["queued", "done"]);
  await acknowledge(of(0));
  expect(await counts()).toEqual({ acknowledged: [1, 1], on_its_way: [1, 3] });
  await acknowledge(of(2));
  expect(await counts()).toEqual({ acknowledged: [2, 3], on_its_way: [0, 1] });
  // Nothing goes out twice.
  for (const n of [1, 2, 3]) expect(await stage.inbox(of(n))).toHaveLength(1);
});

test("whom a recall does not reach is listed with why: never registered, no household, no address, never seen it", async () => {
  const { of, from, to } = range();
  await kitchen.as("admin", "POST", "/batches", { key: `B${from}`, model: "oven", quota: 10 });
  const table = ["serial,model,batch", ...[0, 1, 8].map((n) => `${of(n)},oven,B${from}`)].join("\n");
  const imported = await kitchen.app.inject({
    method: "POST",
    url: "/api/v1/devices/import",
    headers: { authorization: `Bearer ${kitchen.staffKey("admin")}`, "content-type": "text/csv" },
    payload: table,
  });
  expect(imported.json()).toMatchObject({ imported: 3, errors: [] });
  const [silent, written] = [await stage.household(of(0), []), await stage.household(of(1), [], "gone@example.com")];
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: of(7), model: "oven", serial: of(7) }] });
  const body = stage.recall(await stage.message("Door hinge", { class: "recall" }), from, to);
  const estimate = await kitchen.as("content", "POST", "/campaigns/estimate", body);
  expect(estimate.body).toMatchObject({ appliances: 3, neverRegistered: 1 });
  const id = await stage.run(body);
  mail.code = 550;
  await goOut();
  for (const n of [0, 1, 7]) {
    const [delivery] = await stage.inbox(of(n));
    await kitchen.as("support", "POST", `/deliveries/${delivery.id}/cancel`);
  }
  const whys = async () => {
    const { items } = (await kitchen.as("support", "GET", `/campaigns/${id}/recall?status=unreachable`)).body;
    return Object.fromEntries(
      items.map((row: KitchenAnswer["body"]) => [
        row.appliances[0].serial,
        [row.why, row.householdId, row.householdName],
      ]),
    );
  };
  const name = async ({ householdId }: Person) =>
    (await kitchen.as("support", "GET", `/households/${householdId}`)).body.name;
  expect(await whys()).toEqual({
    [of(0)]: ["no_address", silent.householdId, await name(silent)],
    [of(1)]: ["never_seen", written.householdId, await name(written)],
    [of(7)]: ["no_household", null, null],
    [of(8)]: ["never_registered", null, null],
  });
  const { recall } = await stage.read(id);
  expect(recall).toEqual([{ status: "unreachable", households: 2, appliances: 4 }]);
  // A shop knows where they live, by its own number for them.
  for (const reference of [
    { kind: "shop_customer", value: "C-4711" },
    { kind: "app_user", value: "u1" },
  ])
    await kitchen.as("support", "POST", `/households/${silent.householdId}/references`, reference);
  const csv = String((await kitchen.send("support", "GET", `/api/v1/campaigns/${id}/unreachable.csv`)).body);
  expect(csv).toMatch(new RegExp(`^${silent.householdId},.*,app_user u1; shop_customer C-4711$`, "m"));
  const words = csv
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
  expect(Object.fromEntries(words.map((line) => [line[4], line[6]]))).toEqual({
    [of(0)]: "no address",
    [of(1)]: "never seen it",
    [of(7)]: "no household",
    [of(8)]: "never registered",
  });
  const { items: log } = (await kitchen.as("admin", "GET", `/audit?limit=20`)).body;
  const said = log.filter((one: { subject: string }) => one.subject === `campaign:${id}`);
  expect(said.map((one: { action: string }) => one.action)).toEqual(
    expect.arrayContaining(["recall.households_opened", "recall.unreachable_exported"]),
  );
  // It is registered after all: from then on it is told like every other.
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: of(8), model: "oven", serial: of(8) }] });
  kitchen.clock.forward(60_000);
  await stage.tick();
  expect(Object.keys(await whys())).not.toContain(of(8));
  expect(await stage.inbox(of(8))).toMatchObject([{ phase: "queued" }]);
});

test("a letter of a recall that was taken and comes back reached nobody: its household is on the list, unless another letter or an appliance reaches it", async () => {
  const { of, from, to } = range();
  const [gone, two, waits] = [
    await stage.household(of(0), [], "Gone-Later@example.com"),
    await stage.household(of(1), [], "half@example.com"),
    await stage.household(of(2), [], "half-gone@example.com"),
  ];
  const other = await kitchen.newMember(two);
  await stage.writeTo(other, "other-half@example.com");
  const id = await stage.run(stage.recall(await stage.message("Door hinge", { class: "recall" }), from, to));
  await goOut();
  expect(mail.got).toHaveLength(4);
  for (const n of [0, 1]) {
    const [delivery] = await stage.inbox(of(n));
    await kitchen.as("support", "POST", `/deliveries/${delivery.id}/cancel`);
  }
  const statuses = async () => {
    const { items } = (await kitchen.as("support", "GET", `/campaigns/${id}/recall`)).body;
    const statusOf = (person: Person) =>
      items.find((row: KitchenAnswer["body"]) => row.householdId === person.householdId).status;
    return [gone, two, waits].map((person) => statusOf(person));
  };
  expect(await statuses()).toEqual(["emailed", "emailed", "emailed"]);
  const bounce = (address: string, permanent = true) =>
    kitchen.as("support", "POST", "/mail-events", { events: [{ kind: "bounce", address, permanent }] });
  await bounce("gone-later@example.com", false);
  expect(await statuses()).toEqual(["emailed", "emailed", "emailed"]);
  // They have another address by now; the letter went to the old one.
  await stage.writeTo(gone, "new@example.com");
  for (const address of ["gone-later@example.com", "half@example.com", "half-gone@example.com"]) await bounce(address);
  expect(await statuses()).toEqual(["unreachable", "emailed", "on_its_way"]);
  await bounce("other-half@example.com");
  // A hook says some things twice.
  await bounce("other-half@example.com");
  expect(await statuses()).toEqual(["unreachable", "unreachable", "on_its_way"]);
  const csv = String((await kitchen.send("support", "GET", `/api/v1/campaigns/${id}/unreachable.csv`)).body);
  expect(csv).toMatch(new RegExp(`^${gone.householdId},.*,never seen it,bounced,$`, "m"));
  expect(csv.trim().split("\n")).toHaveLength(3);
});

test("a bounce that is here before we heard that the letter was taken counts as much", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(0), ["market"], "early@example.com");
  await order(person, "email");
  const id = await stage.run(stage.campaign([await stage.message("Early")], from, to));
  mail.beforeAnswer = async () => {
    const events = [{ kind: "bounce", address: "early@example.com", permanent: true }];
    await kitchen.as("support", "POST", "/mail-events", { events });
  };
  await goOut();
  kitchen.clock.forward(dayMs);
  await goOut();
  expect(mail.got).toHaveLength(1);
  expect((await stage.read(id)).funnel).toMatchObject({ queued: 1, sent: 1, ended: 1 });
});

test("a recall sends nothing but a recall, and goes by serial numbers alone", async () => {
  const advert = await stage.message("Advert");
  const wrong = await kitchen.as("content", "POST", "/campaigns", stage.recall(advert, "A", "B"));
  expect(wrong.body.code).toBe("recall_wants_recall_item");
  const recall = await stage.message("Hinge", { class: "recall" });
  const bySegment = { ...stage.recall(recall, "A", "B"), audience: { kind: "segment", segmentId: advert } };
  expect((await kitchen.as("content", "POST", "/campaigns", bySegment)).status).toBe(400);
});

test("`npm run decide` decides again from what is stored, and says every test and term", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const item = await stage.message("Replayed");
  await stage.run(stage.campaign([item], from, to));
  await stage.tick();
  const api = await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  const args = ["cloud/cli/decide.ts", "--household", person.householdId, "--item", item, "--explain", "--api", api];
  const { code, output: said } = await runCommand(args, { HEARTH_KEY: kitchen.staffKey("support") });
  expect(said).toContain("Sent on the appliance's display: you agreed to marketing.");
  expect(said).toContain("Decided again from what is stored: the same.");
  expect(said).toMatch(/8 channel +passes +display/);
  expect(code).toBe(0);
});
