import fc from "fast-check";
import { expect, test } from "vitest";
import { type CodeLimits, WrongCodes } from "./wrong-codes.ts";

const limits: CodeLimits = {
  wrongCodesPerAddressMax: 3,
  wrongCodesMax: 8,
  wrongCodesWindowMs: 1_000,
  codeAddressesMax: 4,
};

const anyTry = fc.record({
  address: fc.constantFrom("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "2001:db8::1"),
  afterMs: fc.oneof(fc.constant(0), fc.nat(400), fc.constantFrom(999, 1_000)),
  isRight: fc.boolean(),
});

test("within a window no address and not all together guess wrong more often than they may", () => {
  fc.assert(
    fc.property(fc.array(anyTry, { maxLength: 80 }), (tries) => {
      const codes = new WrongCodes(limits);
      let nowMs = 5_000;
      const wrong: { atMs: number; address: string }[] = [];
      for (const { address, afterMs, isRight } of tries) {
        nowMs += afterMs;
        if (codes.begin(address, nowMs).kind === "limited") continue;
        if (isRight) codes.giveBack(address);
        else wrong.push({ atMs: nowMs, address });
      }
      // A fixed window can be filled at its end and again at its beginning, and never more than that.
      for (const { atMs } of wrong) {
        const near = wrong.filter((one) => one.atMs >= atMs && one.atMs < atMs + limits.wrongCodesWindowMs);
        expect(near.length).toBeLessThanOrEqual(2 * limits.wrongCodesMax);
      }
    }),
  );
});

test("the address that guesses is held off, its neighbour is not, and after the window it may try again", () => {
  const codes = new WrongCodes(limits);
  const tries = (address: string, nowMs: number) => codes.begin(address, nowMs).kind;
  expect([1, 2, 3, 4].map(() => tries("192.0.2.1", 0))).toEqual(["go", "go", "go", "limited"]);
  expect(tries("192.0.2.2", 0)).toBe("go");
  expect(codes.begin("192.0.2.1", 400)).toMatchObject({ limit: "wrongCodesPerAddressMax", retryAfterMs: 600 });
  expect(tries("192.0.2.1", 1_000)).toBe("go");
});

test("a limit is told once in its window, however many run into it", () => {
  const codes = new WrongCodes(limits);
  for (let at = 0; at < limits.wrongCodesPerAddressMax; at += 1) codes.begin("192.0.2.1", 0);
  const news = Array.from({ length: 50 }, () => codes.begin("192.0.2.1", 1)).filter(
    (one) => one.kind === "limited" && one.isNews,
  );
  expect(news).toHaveLength(1);
});

test("many addresses together reach the limit over all, and no more of them are remembered than may be", () => {
  const codes = new WrongCodes(limits);
  const answers = Array.from({ length: 20 }, (_, at) => codes.begin(`192.0.2.${at}`, 0));
  expect(answers.filter(({ kind }) => kind === "go")).toHaveLength(limits.wrongCodesMax);
  expect(answers.at(-1)).toMatchObject({ limit: "wrongCodesMax" });
});

test("right codes are not counted, however many come at once", () => {
  const codes = new WrongCodes(limits);
  for (let at = 0; at < 100; at += 1) {
    expect(codes.begin("192.0.2.1", at).kind).toBe("go");
    codes.giveBack("192.0.2.1");
  }
});

test("a line has as many addresses as it likes, and is one guesser all the same", () => {
  const codes = new WrongCodes(limits);
  const tries = [1, 2, 3, 4].map((at) => codes.begin(`2001:db8:0:1:${at}::7`, 0).kind);
  expect(tries).toEqual(["go", "go", "go", "limited"]);
  expect(codes.begin("2001:db8:0:2::7", 0).kind).toBe("go");
});
