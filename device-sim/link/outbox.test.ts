import fc from "fast-check";
import { expect, test } from "vitest";
import { Outbox } from "./outbox.ts";

test("what has no PUBACK goes again after the connection ended, in the order in which it was said", () => {
  const outbox = new Outbox();
  for (const payload of ["1", "2", "3"]) outbox.add("notable", { topic: "t", payload });
  const first = outbox.take();
  outbox.take();
  if (first !== null) outbox.settle(first);
  outbox.rewind();
  expect([outbox.take()?.payload, outbox.take()?.payload, outbox.take()]).toEqual(["2", "3", null]);
});

test("whatever happens, it stays within its bounds, and everything is settled, waiting, or counted as dropped", () => {
  // Mostly taking, and seldom an end of the connection: else a lane is never full of what is under way.
  const act = fc.constantFrom("reading", "reading", "notable", "take", "take", "take", "settle", "rewind");
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const outbox = new Outbox({ readings: 2, notable: 2 });
      let added = 0;
      let settled = 0;
      let taken: NonNullable<ReturnType<Outbox["take"]>>[] = [];
      for (const one of acts) {
        if (one === "reading" || one === "notable") {
          added += 1;
          outbox.add(one === "reading" ? "readings" : "notable", { topic: "t", payload: String(added) });
        } else if (one === "take") {
          const entry = outbox.take();
          if (entry !== null) taken.push(entry);
        } else if (one === "settle") {
          const entry = taken.shift();
          if (entry !== undefined) {
            settled += 1;
            outbox.settle(entry);
          }
        } else {
          outbox.rewind();
          taken = [];
        }
        expect(outbox.size).toBeLessThanOrEqual(4);
        expect(settled + outbox.size + outbox.dropped.readings + outbox.dropped.notable).toBe(added);
      }
    }),
  );
});
