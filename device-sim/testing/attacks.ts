import fc from "fast-check";
import { commandNames } from "#protocol/command.ts";
import { programNames } from "#protocol/content.ts";
import { deliveryKinds } from "#protocol/delivery.ts";
import { modelOf, startMs } from "./parts.ts";

/** Programs that the model can run, most of the time: what is refused for its shape alone proves nothing. */
const settingsFor = (model: string) => {
  const { programs, setpoint_c_max: hottest } = modelOf(model).capabilities;
  const sound = fc.record(
    {
      program: fc.constantFrom(...programs),
      ...(hottest === undefined ? {} : { setpoint_c: fc.integer({ min: 30, max: hottest }) }),
      duration_s: fc.integer({ min: 1, max: 80_000 }),
    },
    { requiredKeys: ["program"] },
  );
  const wild = fc.record(
    {
      program: fc.constantFrom(...programNames),
      setpoint_c: fc.integer({ min: 20, max: 500 }),
      probe_c: fc.integer({ min: 20, max: 120 }),
    },
    { requiredKeys: ["program"] },
  );
  return fc.oneof({ weight: 4, arbitrary: sound }, { weight: 1, arbitrary: wild });
};
type Settings = ReturnType<typeof settingsFor>;

const recipeOf = (settings: Settings) =>
  fc.record({
    kind: fc.constantFrom("recipe", "recipe", "message", "notice"),
    id: fc.constantFrom("pie", "soup"),
    version: fc.constant(1),
    locale: fc.constant("de"),
    title: fc.constant("Pie"),
    text: fc.constant("text"),
    class: fc.constant("safety"),
    steps: fc.array(fc.record({ text: fc.constant("Bake"), machine: settings }), { minLength: 1, maxLength: 3 }),
  });
const ordersOf = (settings: Settings) =>
  fc.oneof(
    fc.record({ name: fc.constantFrom("load_program", "load_program", "stop"), args: settings }),
    fc.record({
      name: fc.oneof(
        fc.constantFrom(...commandNames),
        fc.constantFrom("start", "start_program", "resume", "heat", "remote_start"),
      ),
      args: fc.oneof(settings, fc.dictionary(fc.string(), fc.jsonValue()), fc.constant({ remoteStartAllowed: true })),
    }),
  );
const firmware = fc.record({
  version: fc.constant("9.9.9"),
  security: fc.boolean(),
  consent: fc.constantFrom("automatic", "ask", "given"),
  notBeforeMs: fc.constant(null),
  postponeUntilMsMax: fc.constant(null),
  windows: fc.constant([]),
  metadataHref: fc.constant("http://127.0.0.1:9/repository/"),
  statementHref: fc.constant("http://127.0.0.1:9/statement"),
  imageHref: fc.constant("http://127.0.0.1:9/image"),
});
const free = fc.dictionary(
  fc.constantFrom("operation", "heater", "setpoint_c", "program", "sampleMs", "locale"),
  fc.jsonValue(),
);

/** Anything that the inbox or the desired topic may carry: orders and recipes as they should be, every mixture of parts, and noise. */
export function messagesFor(model: string) {
  const settings = settingsFor(model);
  const [recipe, orders] = [recipeOf(settings), ordersOf(settings)];
  const fitting = fc.oneof(
    fc.tuple(fc.constant("command"), orders),
    fc.tuple(fc.constant("recipe"), recipe),
    fc.tuple(fc.constant("firmware"), firmware),
  );
  const mixed = fc.tuple(fc.constantFrom(...deliveryKinds), fc.oneof(recipe, orders, firmware, free));
  const delivery = fc
    .tuple(
      fc.oneof({ weight: 2, arbitrary: fitting }, { weight: 1, arbitrary: mixed }),
      fc.uuid({ version: 7 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(startMs - 1, startMs + 86_400_000, startMs + 86_400_000),
      fc.integer({ min: 1, max: 5 }),
    )
    .map(([[kind, body], id, attempt, expiresAtMs, generation]) => ({
      id,
      kind,
      attempt,
      createdAtMs: startMs,
      expiresAtMs,
      priority: 5,
      generation,
      body,
    }));
  return fc.oneof(
    { weight: 6, arbitrary: delivery.map((value) => ({ channel: "inbox", value: value as unknown })) },
    {
      weight: 1,
      arbitrary: fc
        .record({ version: fc.nat(), state: free })
        .map((value) => ({ channel: "desired", value: value as unknown })),
    },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => ({ channel: "inbox", value: value as unknown })) },
  );
}
