import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkIndex } from "./chunk-index.ts";

const anyStep = fc.oneof(
  { weight: 5, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 9 }), skip: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ trim: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(40) }) },
);

test("the index holds what a plain list would", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const index = new ChunkIndex(2);
      let model: { first: number; records: number }[] = [];
      let next = 0;
      const dropped: number[] = [];
      const droppedByModel: number[] = [];
      for (const step of steps) {
        if ("push" in step) {
          next += step.skip;
          index.push(next, step.push, step.push * 10, next);
          model.push({ first: next, records: step.push });
          next += step.push;
        } else if ("trim" in step) {
          const watermark = next - step.trim;
          const isDone = (chunk: { first: number; records: number }) => chunk.first + chunk.records - 1 <= watermark;
          dropped.push(...index.trimTo(watermark));
          droppedByModel.push(...model.filter(isDone).map(({ first }) => first));
          model = model.filter((chunk) => !isDone(chunk));
        } else if (model.length > 0) {
          index.remove(step.remove % model.length);
          model.splice(step.remove % model.length, 1);
        }
        expect(dropped).toEqual(droppedByModel);
        expect(index.length).toBe(model.length);
        expect(model.map((_, at) => ({ first: index.firstAt(at), records: index.recordsAt(at) }))).toEqual(model);
        expect(index.records).toBe(model.reduce((sum, { records }) => sum + records, 0));
        expect(index.bytes).toBe(index.records * 10);
        for (let sequence = next - 12; sequence <= next; sequence += 1) {
          const at = model.findIndex(({ first, records }) => first + records > sequence);
          expect(index.find(sequence)).toBe(at < 0 ? model.length : at);
        }
      }
    }),
  );
});
