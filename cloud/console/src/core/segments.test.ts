import { expect, test } from "vitest";
import { conditionWith, idFrom, inserted, trendText } from "./segments.ts";

const programs = {
  name: "programs",
  type: "number",
  help: "",
  reads: "",
  purpose: "run",
  group: "use",
  moves: false,
} as const;

test("a fact that is chosen goes where the cursor stands, and joins what stands before it", () => {
  expect(conditionWith(programs)).toBe("programs >= 1");
  expect(inserted("", 0, "has_steam").text).toBe("has_steam");
  expect(inserted("has_steam", 9, "programs >= 1")).toEqual({ text: "has_steam && programs >= 1", cursor: 26 });
  expect(inserted("has_steam && ", 13, "programs >= 1").text).toBe("has_steam && programs >= 1");
  expect(inserted("(has_steam || ) && x", 14, "programs >= 1").text).toBe("(has_steam || programs >= 1) && x");
  expect(inserted("!", 1, "has_steam").text).toBe("!has_steam");
});

test("an id comes from a title, and a trend is words", () => {
  expect(idFrom("  Köche, die viel backen! ")).toBe("ko-che-die-viel-backen");
  expect(trendText([{ members: 10 }])).toBeNull();
  expect(trendText([{ members: 10 }, { members: 1_012 }])).toBe("+1,002 in 2 days");
  expect(trendText([{ members: 10 }, { members: 4 }])).toBe("−6 in 2 days");
});
