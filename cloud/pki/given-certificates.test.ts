import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { CertificateFiles } from "../platform/config.ts";
import { developmentOrganisation } from "./core/development.ts";
import type { GivenTexts } from "./core/given-material.ts";
import { tlsOf } from "./core/material.ts";
import { givenMaterial } from "./given-certificates.ts";
import { type Authority, issueDevice, issueServer, newIntermediate, newKey, newRoot } from "./pki.ts";

const dayMs = 86_400_000;
const nowMs = Date.now();
const term = { nowMs, validMs: 1_000 * dayMs };
const organisation = "Oven makers";

interface Family {
  root: Authority;
  fleet: Authority;
  texts: GivenTexts;
}

async function newFamily(of = organisation, since = term): Promise<Family> {
  const root = await newRoot({ commonName: "Root", organisation: of }, since);
  const fleet = await newIntermediate(root, { commonName: "Fleet", organisation: of }, since);
  const { privateKey, publicKey } = newKey();
  const server = await issueServer(fleet, { names: ["hearth.example"], publicKey, ...since });
  const texts = {
    HEARTH_TLS_CERT: server.certificate + fleet.certificate,
    HEARTH_TLS_KEY: privateKey,
    HEARTH_FLEET_CA_CERT: fleet.certificate + root.certificate,
    HEARTH_FLEET_CA_KEY: fleet.privateKey,
  };
  return { root, fleet, texts };
}

let ours: Family;
let others: Family;
beforeAll(async () => {
  ours = await newFamily();
  others = await newFamily();
});

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hearth-given-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const filesIn = (folder: string): CertificateFiles => ({
  serverCert: join(folder, "HEARTH_TLS_CERT"),
  serverKey: join(folder, "HEARTH_TLS_KEY"),
  fleetCert: join(folder, "HEARTH_FLEET_CA_CERT"),
  fleetKey: join(folder, "HEARTH_FLEET_CA_KEY"),
});

async function given(changed: Partial<GivenTexts>, atMs = nowMs) {
  for (const [name, text] of Object.entries({ ...ours.texts, ...changed })) await writeFile(join(dir, name), text);
  return givenMaterial(filesIn(dir), atMs);
}

test("a good set is taken: chain, keys, fleet CA and root, whatever stands between the certificates", async () => {
  const { texts, fleet, root } = ours;
  const talkative = `Bag Attributes\n${texts.HEARTH_FLEET_CA_CERT.replace("-----END CERTIFICATE-----\n", "-----END CERTIFICATE-----\nsubject=O\n")}`;
  expect(await given({ HEARTH_FLEET_CA_CERT: talkative })).toEqual({
    server: { cert: texts.HEARTH_TLS_CERT, key: texts.HEARTH_TLS_KEY },
    fleet,
    formerFleet: "",
    root: root.certificate,
  });
});

test("keys in the other forms of PEM are taken, and certificates of another maker's server CA", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const server = await issueServer(others.root, { names: ["hearth.example"], publicKey: spki, ...term });
  const key = privateKey.export({ type: "sec1", format: "pem" });
  const { server: taken } = await given({ HEARTH_TLS_CERT: server.certificate, HEARTH_TLS_KEY: key });
  expect(taken.cert).toBe(server.certificate);
});

test("devices of the intermediate before this one are believed while it stands after the root", async () => {
  const former = await newIntermediate(ours.root, { commonName: "Fleet of earlier years", organisation }, term);
  const material = await given({ HEARTH_FLEET_CA_CERT: ours.texts.HEARTH_FLEET_CA_CERT + former.certificate });
  expect(material.formerFleet).toBe(former.certificate);
  expect(material.fleet).toEqual(ours.fleet);
  expect(tlsOf(material).clientCa).toBe(ours.fleet.certificate + former.certificate);
});

type Wrong = [string, keyof GivenTexts, RegExp, () => Partial<GivenTexts> | Promise<Partial<GivenTexts>>];
const wrongSets: Wrong[] = [
  ["an empty chain", "HEARTH_TLS_CERT", /no certificate/, () => ({ HEARTH_TLS_CERT: "" })],
  [
    "a certificate cut short",
    "HEARTH_TLS_CERT",
    /no certificate/,
    () => ({ HEARTH_TLS_CERT: ours.texts.HEARTH_TLS_CERT.replace(/[^-]{80}\n-----END/, "\n-----END") }),
  ],
  [
    "a chain that begins with the CA",
    "HEARTH_TLS_CERT",
    /begins with/,
    () => ({ HEARTH_TLS_CERT: ours.fleet.certificate, HEARTH_TLS_KEY: ours.fleet.privateKey }),
  ],
  [
    "a chain of two families",
    "HEARTH_TLS_CERT",
    /number 1 was not signed by number 2/,
    () => ({ HEARTH_TLS_CERT: ours.texts.HEARTH_TLS_CERT.replace(ours.fleet.certificate, others.fleet.certificate) }),
  ],
  [
    "a device's certificate",
    "HEARTH_TLS_CERT",
    /not for a server/,
    async () => {
      const { privateKey, publicKey } = newKey();
      const device = await issueDevice(ours.fleet, { deviceId: "oven-1", publicKey, ...term });
      return { HEARTH_TLS_CERT: device.certificate, HEARTH_TLS_KEY: privateKey };
    },
  ],
  ["no key", "HEARTH_TLS_KEY", /no private key/, () => ({ HEARTH_TLS_KEY: "nothing" })],
  ["another's key", "HEARTH_TLS_KEY", /another certificate/, () => ({ HEARTH_TLS_KEY: others.texts.HEARTH_TLS_KEY })],
  [
    "a key behind a passphrase",
    "HEARTH_TLS_KEY",
    /passphrase/,
    () => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const encrypted = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "a" } as const;
      return { HEARTH_TLS_KEY: privateKey.export(encrypted) };
    },
  ],
  [
    "a key that is too short",
    "HEARTH_TLS_KEY",
    /RSA of 2048/,
    () => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1_024 });
      return { HEARTH_TLS_KEY: privateKey.export({ type: "pkcs8", format: "pem" }) };
    },
  ],
  ["no fleet CA", "HEARTH_FLEET_CA_CERT", /no certificate/, () => ({ HEARTH_FLEET_CA_CERT: "-----BEGIN" })],
  [
    "a server's certificate for a fleet CA",
    "HEARTH_FLEET_CA_CERT",
    /not a certificate authority/,
    () => ({ HEARTH_FLEET_CA_CERT: ours.texts.HEARTH_TLS_CERT, HEARTH_FLEET_CA_KEY: ours.texts.HEARTH_TLS_KEY }),
  ],
  [
    "the root itself as fleet CA",
    "HEARTH_FLEET_CA_CERT",
    /offline/,
    () => ({ HEARTH_FLEET_CA_CERT: ours.root.certificate, HEARTH_FLEET_CA_KEY: ours.root.privateKey }),
  ],
  ["no root", "HEARTH_FLEET_CA_CERT", /its root/, () => ({ HEARTH_FLEET_CA_CERT: ours.fleet.certificate })],
  [
    "another family's intermediate after the root",
    "HEARTH_FLEET_CA_CERT",
    /no intermediate of that root/,
    () => ({ HEARTH_FLEET_CA_CERT: ours.texts.HEARTH_FLEET_CA_CERT + others.fleet.certificate }),
  ],
  [
    "another root",
    "HEARTH_FLEET_CA_CERT",
    /was not signed by/,
    () => ({ HEARTH_FLEET_CA_CERT: ours.fleet.certificate + others.root.certificate }),
  ],
  [
    "another fleet CA's key",
    "HEARTH_FLEET_CA_KEY",
    /another certificate/,
    () => ({ HEARTH_FLEET_CA_KEY: others.fleet.privateKey }),
  ],
];

test.each(wrongSets)("%s is refused, and %s says so in one sentence with its file", async (_what, name, why, wrong) => {
  const refusal = await given(await wrong()).then(
    () => "taken",
    (error: Error) => error.message,
  );
  expect(refusal).toMatch(new RegExp(`^${name} ${join(dir, name)} [^\\n]+, but Hearth wants [^\\n]+\\.$`));
  expect(refusal).toMatch(why);
  expect(refusal).not.toContain("PRIVATE KEY");
});

test("certificates that have ended, or do not count yet, are refused with their date", async () => {
  const ended = await given({}, nowMs + 1_001 * dayMs).catch((error: Error) => error.message);
  expect(ended).toMatch(
    /^HEARTH_TLS_CERT [^\n]+ ended on 20\d\d-\d\d-\d\d[^\n]+\nHEARTH_FLEET_CA_CERT [^\n]+ ended on/,
  );
  await expect(given({}, nowMs - dayMs)).rejects.toThrow(/HEARTH_TLS_CERT [^\n]+ counts only from/);
});

test("the development CA is refused wherever somebody copied it, also where it signed the server alone", async () => {
  const development = await newFamily(developmentOrganisation);
  const refusal = await given(development.texts).catch((error: Error) => error.message);
  expect(refusal).toMatch(/^HEARTH_TLS_CERT [^\n]+development CA[^\n]+\nHEARTH_FLEET_CA_CERT [^\n]+development CA/);
  const { HEARTH_TLS_CERT, HEARTH_TLS_KEY } = development.texts;
  const leafAlone = HEARTH_TLS_CERT.replace(development.fleet.certificate, "");
  await expect(given({ HEARTH_TLS_CERT: leafAlone, HEARTH_TLS_KEY })).rejects.toThrow(
    /^HEARTH_TLS_CERT [^\n]+development/,
  );
});

test("a file that is not there, and one that is far too long, are named", async () => {
  await given({});
  await rm(join(dir, "HEARTH_FLEET_CA_KEY"));
  await expect(givenMaterial(filesIn(dir), nowMs)).rejects.toThrow(/^HEARTH_FLEET_CA_KEY [^\n]+ENOENT[^\n]+\.$/);
  await expect(given({ HEARTH_TLS_KEY: "x".repeat(2_000_000) })).rejects.toThrow(
    /^HEARTH_TLS_KEY [^\n]+1 MiB[^\n]+\.$/,
  );
});
