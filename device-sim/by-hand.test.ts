import { expect, test } from "vitest";
import { byHand } from "./by-hand.ts";

/** A fleet of two of which only what a person does to it is of interest. */
function twoOvens(isConnected = true) {
  const done: string[] = [];
  const untilMs = Date.UTC(2026, 0, 1);
  const fleet: Parameters<typeof byHand>[0] = {
    ids: ["oven-1", "oven-2"],
    openPairing(id, validMs) {
      if (!isConnected) return { kind: "refused", rule: "not_connected" };
      done.push(`open ${id} ${validMs}`);
      return { kind: "opened", shown: { code: "ABCD-1234", untilMs } };
    },
    askWhy: (id) => (id === "oven-1" ? { title: "Soup", why: "You saved it." } : null),
    closePairing: (id) => void done.push(`close ${id}`),
    factoryReset(id) {
      done.push(`reset ${id}`);
      return { kind: "reset" };
    },
    agreeToUpdate(id) {
      done.push(`agree ${id}`);
      return { kind: "done" };
    },
    postponeUpdate(id, byMs) {
      done.push(`postpone ${id} ${byMs}`);
      return { kind: "done" };
    },
    askForHelp: (id, asked) => void done.push(`help ${id} ${JSON.stringify(asked)}`),
    giveFeedback: (_id, rating) => rating > 2,
    declineUpdate: () => ({ kind: "refused", rule: "security_release" }),
  };
  return { done, say: (line: string) => byHand(fleet, line) };
}

test("a person at the command line stands at the appliance that they name, or at the first", () => {
  const { done, say } = twoOvens();
  expect(say("pair")).toEqual({ device: "oven-1", pairingCode: "ABCD-1234", until: "2026-01-01T00:00:00.000Z" });
  say("  pair   oven-2  60 ");
  expect(say("close oven-2")).toEqual({ device: "oven-2", pairingCode: null });
  expect(say("reset")).toEqual({ device: "oven-1", reset: true });
  expect(say("help oven-2 it beeps")).toEqual({ device: "oven-2", askedForHelp: true });
  expect(done.pop()).toBe(`help oven-2 {"text":"it beeps"}`);
  expect(say("rate oven-1 4")).toEqual({ device: "oven-1", rated: 4 });
  expect(say("rate oven-1 9")).toMatchObject({ refused: "a rating is 1 to 5" });
  expect(done).toEqual(["open oven-1 600000", "open oven-2 60000", "close oven-2", "reset oven-1"]);
});

test("a person who asks why the display shows something is told, where it says so", () => {
  const { say } = twoOvens();
  expect(say("why")).toEqual({ device: "oven-1", title: "Soup", why: "You saved it." });
  expect(say("why oven-2")).toEqual({ device: "oven-2", refused: "nothing on the display says why" });
});

test("a person answers an update at the command line as they would at the display", () => {
  const { done, say } = twoOvens();
  expect(say("agree")).toEqual({ device: "oven-1", agreed: true });
  expect(say("postpone oven-2 86400")).toEqual({ device: "oven-2", postponed: true });
  expect(say("decline")).toEqual({ device: "oven-1", refused: "security_release" });
  expect(done).toEqual(["agree oven-1", "postpone oven-2 86400000"]);
});

test.each([
  "start",
  "postpone oven-1 0",
  "postpone oven-1 9999999",
  "pair oven-3",
  "pair oven-1 601",
  "pair oven-1 soon",
  "reset nobody",
])("what cannot be done is answered and not done: %s", (line) => {
  const { done, say } = twoOvens();
  expect(say(line)).toHaveProperty("refused");
  expect(done).toEqual([]);
});

test("an appliance without a connection shows no code", () => {
  expect(twoOvens(false).say("pair")).toEqual({ device: "oven-1", refused: "not_connected" });
});
