import { expect, test } from "vitest";
import { jsonSchemas } from "#protocol/json-schemas.ts";
import { downChannels, upChannels } from "#protocol/topics.ts";
import { apiDescription } from "./api-description.ts";

test("the API's description names every channel of the contract, and only schemas that can be read", () => {
  for (const channel of [...upChannels, ...downChannels]) expect(apiDescription).toContain(`\n- \`${channel}\` **`);
  const named = [...apiDescription.matchAll(/^- `\w+` \*\*([A-Z]\w+)\*\*/gm)].map(([, name]) => name ?? "");
  expect(named).toHaveLength(upChannels.length + downChannels.length);
  expect(Object.keys(jsonSchemas)).toEqual(expect.arrayContaining(named));
});
