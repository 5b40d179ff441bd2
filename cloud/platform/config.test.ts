import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { gatewayLimits, limitRows } from "#protocol/link/limits.ts";
import { readConfig, StartError } from "./config.ts";

test("with nothing set, Hearth listens on this machine alone", () => {
  expect(readConfig({})).toMatchObject({
    mode: "development",
    mqtt: { host: "127.0.0.1", port: 1883 },
    http: { host: "127.0.0.1", port: 8080 },
    mqtts: { host: "127.0.0.1", port: 8883 },
    https: { host: "127.0.0.1", port: 8443 },
    certificates: null,
    deviceCertificateMs: 365 * 86_400_000,
    databaseUrl: undefined,
  });
});

const files = {
  HEARTH_TLS_CERT: "/certs/server.pem",
  HEARTH_TLS_KEY: "/certs/server.key",
  HEARTH_FLEET_CA_CERT: "/certs/fleet-ca.pem",
  HEARTH_FLEET_CA_KEY: "/certs/fleet-ca.key",
};
const production = { HEARTH_ENV: "production", HEARTH_PUBLIC_URL: "https://hearth.example", ...files };

test.each([
  ["HEARTH_MQTT_PORT", "70000"],
  ["HEARTH_HTTP_PORT", "http"],
  ["HEARTH_MQTTS_PORT", "-1"],
  ["HEARTH_HTTPS_PORT", "443s"],
  ["HEARTH_BIND", "localhost"],
  ["HEARTH_PUBLIC_URL", "hearth.example"],
  ["HEARTH_SPOOL_BYTES", "12"],
  ["HEARTH_LOG", "loud"],
  ["HEARTH_DEVICE_CERTIFICATE_DAYS", "0"],
  ["HEARTH_DEVICE_CERTIFICATE_DAYS", "4000"],
  ["HEARTH_LIMIT_CONNECTIONS_MAX", "0"],
  ["HEARTH_LIMIT_CONNECTIONS_MAX", "1e3"],
  ["HEARTH_LIMIT_BYTES_PER_SECOND_MAX", "much"],
  ["HEARTH_LIMIT_CONNECTION_MAX", "10"],
  ["HEARTH_ENV", "staging"],
  ["INFLUX_URL", "influx:8086"],
  ["INFLUX_TOKEN", "two words"],
  ["INFLUX_WRITE_PATH", "write"],
])("%s=%s is refused in one sentence that names it", (name, value) => {
  const read = () => readConfig({ [name]: value });
  expect(read).toThrow(StartError);
  expect(read).toThrow(new RegExp(`^${name} [^\\n]+\\.$`));
});

test("a wrong DATABASE_URL is refused without repeating its password", () => {
  expect(() => readConfig({ DATABASE_URL: "mysql://me:secret@host/db" })).toThrow(/^DATABASE_URL (?!.*secret)/);
});

test("a signing key is taken as PEM and as base64, and a wrong one is refused without repeating it", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ format: "pem", type: "pkcs8" });
  const der = privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
  const read = readConfig({ HEARTH_TIMESTAMP_KEY: pem, HEARTH_DIRECTOR_KEY: der });
  expect([read.timestampKey?.equals(privateKey), read.directorKey?.equals(privateKey)]).toEqual([true, true]);
  const rsa = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "der", type: "pkcs8" });
  for (const wrong of ["secret", rsa.toString("base64"), pem.replace("PRIVATE", "PUBLIC")]) {
    for (const name of ["HEARTH_TIMESTAMP_KEY", "HEARTH_DIRECTOR_KEY"]) {
      const sentence = new RegExp(`^${name} is '\\(hidden\\)', [^\\n]+\\.$`);
      expect(() => readConfig({ [name]: wrong })).toThrow(sentence);
    }
  }
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

test.each([
  ["HEARTH_ENV=production", production],
  ["a bind to the network", { ...production, HEARTH_ENV: "", HEARTH_BIND: "0.0.0.0" }],
  ["a bind to an address of the network", { ...production, HEARTH_ENV: "", HEARTH_BIND: "192.0.2.7" }],
  ["a bind to the network in IPv6", { ...production, HEARTH_ENV: "", HEARTH_BIND: "::" }],
])("%s is production: no plain MQTT, plain HTTP on loopback alone, certificates from files", (_name, env) => {
  expect(readConfig(env)).toMatchObject({
    mode: "production",
    mqtt: null,
    http: { host: "127.0.0.1", port: 8080 },
    https: { host: env.HEARTH_ENV === "" ? expect.not.stringMatching(/^127\./) : "127.0.0.1" },
    certificates: { serverCert: "/certs/server.pem", fleetKey: "/certs/fleet-ca.key" },
  });
});

test.each(Object.keys(files))("production without %s is refused by name", (name) => {
  for (const start of [{ HEARTH_ENV: "production" }, { HEARTH_ENV: "", HEARTH_BIND: "0.0.0.0" }]) {
    const read = () => readConfig({ ...production, ...start, [name]: "" });
    expect(read).toThrow(new RegExp(`^${name} is not set, but in production[^\\n]+\\.$`));
  }
  expect(() => readConfig({ ...files, [name]: "" }), "half of one's own").toThrow(new RegExp(`^${name} is not set`));
});

test("mail is signed with all of what that takes, or a sentence names what is missing", () => {
  const mail = { HEARTH_SMTP_URL: "smtp://127.0.0.1", HEARTH_SMTP_FROM: "hearth@maker.example" };
  const dkim = {
    HEARTH_DKIM_DOMAIN: "maker.example",
    HEARTH_DKIM_SELECTOR: "hearth",
    HEARTH_DKIM_KEY: "/keys/dkim.pem",
  };
  expect(readConfig({ ...mail, ...dkim }).notices.mail?.dkim).toEqual({
    domain: "maker.example",
    selector: "hearth",
    keyFile: "/keys/dkim.pem",
  });
  expect(readConfig(mail).notices.mail?.dkim).toBeNull();
  for (const name of Object.keys(dkim))
    expect(() => readConfig({ ...mail, ...dkim, [name]: "" })).toThrow(
      `${name} is not set, but to sign mail Hearth wants `,
    );
  expect(() => readConfig(dkim)).toThrow("HEARTH_SMTP_URL is not set, but to send mail Hearth wants ");
  expect(() => readConfig({ ...mail, ...dkim, HEARTH_DKIM_DOMAIN: "maker.example; s=x" })).toThrow(
    "HEARTH_DKIM_DOMAIN is 'maker.example; s=x', but Hearth wants the domain that letters are signed for",
  );
});

test("what is made of readings is kept at least as long as they are", () => {
  const day = 86_400_000;
  expect(readConfig({ HEARTH_RETENTION_READINGS_DAYS: "30" }).retention).toMatchObject({
    readingsMs: 30 * day,
    minutesMs: 365 * day,
  });
  expect(() => readConfig({ HEARTH_RETENTION_READINGS_DAYS: "0" })).toThrow(
    "HEARTH_RETENTION_READINGS_DAYS is '0', but Hearth wants a number of days from 2 to 36500.",
  );
  expect(() => readConfig({ HEARTH_RETENTION_HOURS_DAYS: "300" })).toThrow(
    "HEARTH_RETENTION_HOURS_DAYS is '300', but Hearth wants no less than the 365 of HEARTH_RETENTION_MINUTES_DAYS",
  );
});

test("production without any of its files names all of them", () => {
  const without = { ...production, ...Object.fromEntries(Object.keys(files).map((name) => [name, ""])) };
  for (const name of Object.keys(files)) expect(() => readConfig(without)).toThrow(name);
});

test.each([
  ["HEARTH_MQTT_PORT", "1883"],
  ["HEARTH_MQTT_PORT", "0"],
  ["HEARTH_PUBLIC_URL", ""],
  ["HEARTH_PUBLIC_URL", "http://hearth.example"],
])("production with %s=%s is refused by name", (name, value) => {
  expect(() => readConfig({ ...production, [name]: value })).toThrow(new RegExp(`^${name} [^\\n]+\\.$`));
});

test.each([
  "postgres://hearth:postgres@db/hearth",
  "postgres://hearth:Hearth@db/hearth",
  "postgres://app:app@db/hearth",
  "postgres://app:ovens@db/ovens",
  "postgres://hearth:change%2Dme@db/hearth",
  "postgres://hearth@db/hearth?password=mysecretpassword",
])("production does not start on the default password of %s, and does not repeat it", (url) => {
  const password = /password=(.*)|:([^:@/]+)@/.exec(url)?.slice(1).find(Boolean) ?? "";
  const read = () => readConfig({ ...production, DATABASE_URL: url });
  expect(read).toThrow(/^DATABASE_URL [^\n]+\.$/);
  expect(read).not.toThrow(`'${password}'`);
  expect(read).not.toThrow(url);
  expect(readConfig({ DATABASE_URL: url }).mode, "in development it may be").toBe("development");
});

test("a default password in PGPASSWORD is one as well; a good one, and none, are let be", () => {
  const bare = { ...production, DATABASE_URL: "postgres://hearth@db/hearth" };
  expect(() => readConfig({ ...bare, PGPASSWORD: "postgres" })).toThrow(/^PGPASSWORD /);
  for (const env of [
    bare,
    { ...bare, PGPASSWORD: "0d8f1c6a" },
    { ...bare, DATABASE_URL: "postgres://a:0d8f%zz@b/c" },
    { ...bare, DATABASE_URL: "postgres://a:0d8f@b/c", PGPASSWORD: "postgres" },
  ]) {
    expect(readConfig(env).databaseUrl).toBe(env.DATABASE_URL);
  }
});

test("--lan opens the TLS ports to the network and leaves the plain ones at home", () => {
  expect(readConfig({}, ["--lan"])).toMatchObject({
    mode: "lan",
    mqtt: { host: "127.0.0.1", port: 1883 },
    http: { host: "127.0.0.1", port: 8080 },
    mqtts: { host: "0.0.0.0", port: 8883 },
    https: { host: "0.0.0.0", port: 8443 },
    certificates: null,
  });
  const chosen = readConfig({ HEARTH_BIND: "192.0.2.7" }, ["--lan"]);
  expect([chosen.mode, chosen.https.host, chosen.http.host]).toEqual(["lan", "192.0.2.7", "127.0.0.1"]);
});

test("--lan is not for production, and nothing else is an argument", () => {
  expect(() => readConfig(production, ["--lan"])).toThrow(/^HEARTH_ENV [^\n]+--lan[^\n]+\.$/);
  for (const args of [["--lam"], ["--lan", "--port=1"], ["lan"]]) {
    expect(() => readConfig({}, args)).toThrow(/^'[^\n]+--lan[^\n]+\.$/);
  }
});

test("an InfluxDB is version 2 with a bucket of our name, unless it is said otherwise", () => {
  const INFLUX_URL = "http://influx:8086/";
  const bare = { url: "http://influx:8086", token: undefined, org: "", bucket: "hearth", writePath: "/api/v2/write" };
  expect(readConfig({ INFLUX_URL }).influx).toEqual(bare);
  const all = { INFLUX_TOKEN: "t", INFLUX_ORG: "o", INFLUX_BUCKET: "b", INFLUX_WRITE_PATH: "/write" };
  expect(readConfig({ INFLUX_URL, ...all }).influx).toEqual({
    ...bare,
    token: "t",
    org: "o",
    bucket: "b",
    writePath: "/write",
  });
  expect(readConfig({}).influx).toBeUndefined();
  expect(() => readConfig({ INFLUX_BUCKET: "readings" })).toThrow(
    "INFLUX_BUCKET is set and INFLUX_URL is not: set INFLUX_URL to the address of an InfluxDB",
  );
});

test("a token of InfluxDB is in no message", () => {
  expect(() => readConfig({ INFLUX_URL: "http://h", INFLUX_TOKEN: "secret with spaces" })).toThrow(
    /^(?!.*secret).*hidden/,
  );
});
