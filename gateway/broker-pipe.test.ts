import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { BrokerPipe } from "./broker-pipe.ts";

function openPipe() {
  const said: string[][] = [];
  const told: string[] = [];
  const pipe: BrokerPipe = new BrokerPipe({
    brokerSaid: (pieces) => said.push(pieces.map(String)),
    brokerRead: () => told.push("read"),
    brokerLeft: () => {
      told.push("left");
      pipe.close();
    },
  });
  return { pipe, said, told };
}

test("what the broker writes in one turn goes out at once and in its order", async () => {
  const { pipe, said } = openPipe();
  pipe.write(Buffer.from("a"));
  pipe.write("b");
  expect(said).toEqual([]);
  await turn();
  pipe.write("c");
  await turn();
  expect(said).toEqual([["ab"], ["c"]]);
});

test("a long payload is not copied for each of its receivers", async () => {
  const payload = Buffer.alloc(8_192, "x");
  const pieces: Buffer[] = [];
  const pipe = new BrokerPipe({
    brokerSaid: (said) => pieces.push(...said),
    brokerRead: () => {},
    brokerLeft: () => {},
  });
  pipe.write("head");
  pipe.write(payload);
  await turn();
  expect(pieces[1]).toBe(payload);
});

test("the broker is told of packets, reads all of them, and the gate hears when there is room again", async () => {
  const { pipe, told } = openPipe();
  const read: string[] = [];
  pipe.on("readable", () => read.push(String(pipe.read())));
  expect(pipe.push(Buffer.from("a"))).toBe(true);
  expect(pipe.push(Buffer.alloc(65_536, "b"))).toBe(false);
  await turn();
  expect(read).toEqual([`a${"b".repeat(65_536)}`]);
  expect(told).toEqual(["read"]);
  expect(pipe.read()).toBeNull();
  expect(pipe.push(Buffer.from("c"))).toBe(true);
});

test("after its end neither side hears anything, and the gate is told once where the broker ends it", async () => {
  const { pipe, said, told } = openPipe();
  pipe.on("readable", () => told.push("readable"));
  pipe.push(Buffer.from("a"));
  pipe.write("b");
  pipe.destroy();
  pipe.destroy();
  pipe.write("c");
  await turn();
  expect({ said, told }).toEqual({ said: [], told: ["left"] });
});
