import { expect, test } from "vitest";
import { gatewayLimits, limitRows } from "#protocol/link/limits.ts";
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
  ["HEARTH_LIMIT_CONNECTIONS_MAX", "0"],
  ["HEARTH_LIMIT_CONNECTIONS_MAX", "1e3"],
  ["HEARTH_LIMIT_BYTES_PER_SECOND_MAX", "much"],
  ["HEARTH_LIMIT_CONNECTION_MAX", "10"],
])("%s=%s is refused in one sentence that names it", (name, value) => {
  const read = () => readConfig({ [name]: value });
  expect(read).toThrow(StartError);
  expect(read).toThrow(new RegExp(`^${name} [^\\n]+\\.$`));
});

test("a wrong DATABASE_URL is refused without repeating its password", () => {
  expect(() => readConfig({ DATABASE_URL: "mysql://me:secret@host/db" })).toThrow(/^DATABASE_URL (?!.*secret)/);
});

test("each limit of the gateway is a variable of its own, within its range", () => {
  expect(readConfig({}).limits).toEqual(gatewayLimits);
  for (const { name, variable, least, most } of limitRows) {
    expect(readConfig({ [variable]: String(least) }).limits).toEqual({ ...gatewayLimits, [name]: least });
    expect(readConfig({ [variable]: String(most) }).limits).toEqual({ ...gatewayLimits, [name]: most });
    for (const beyond of [least - 1, most + 1]) {
      const wanted = new RegExp(`^${variable} is '${beyond}', .* from ${least} to ${most} `);
      expect(() => readConfig({ [variable]: String(beyond) })).toThrow(wanted);
    }
  }
});
