import { expect, test } from "vitest";
import { readConfig, StartError } from "./config.ts";

test("with nothing set, Hearth listens on this machine alone", () => {
  expect(readConfig({})).toMatchObject({ bind: "127.0.0.1", mqttPort: 1883, httpPort: 8080, databaseUrl: undefined });
});

test.each([
  ["HEARTH_MQTT_PORT", "70000"],
  ["HEARTH_HTTP_PORT", "http"],
  ["HEARTH_BIND", "localhost"],
  ["HEARTH_PUBLIC_URL", "hearth.example"],
  ["HEARTH_SPOOL_BYTES", "12"],
  ["HEARTH_LOG", "loud"],
  ["HEARTH_BIND", "0.0.0.0"],
  ["HEARTH_ENV", "production"],
])("%s=%s is refused in one sentence that names it", (name, value) => {
  const read = () => readConfig({ [name]: value });
  expect(read).toThrow(StartError);
  expect(read).toThrow(new RegExp(`^${name} [^\\n]+\\.$`));
});

test("a wrong DATABASE_URL is refused without repeating its password", () => {
  expect(() => readConfig({ DATABASE_URL: "mysql://me:secret@host/db" })).toThrow(/^DATABASE_URL (?!.*secret)/);
});
