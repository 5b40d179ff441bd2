import { readFile, stat } from "node:fs/promises";
import { type CertificateFiles, StartError, wants } from "../platform/config.ts";
import { checkGiven, type GivenTexts } from "./core/given-material.ts";
import type { Material } from "./core/material.ts";

const fileBytesMax = 1_048_576;

async function textOf(variable: keyof GivenTexts, path: string): Promise<string> {
  try {
    if ((await stat(path)).size > fileBytesMax) throw new StartError(sentence(variable, path, "is longer than 1 MiB"));
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof StartError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new StartError(sentence(variable, path, `cannot be read (${code})`));
  }
}

const sentence = (variable: keyof GivenTexts, path: string, has: string) =>
  `${variable} ${path} ${has}, but Hearth wants ${wants[variable]}.`;

/**
 * The certificates of an installation that has its own, read from their files and checked.
 *
 * @throws StartError with a sentence for each file that cannot be used
 */
export async function givenMaterial(files: CertificateFiles, nowMs: number): Promise<Material> {
  const paths: Record<keyof GivenTexts, string> = {
    HEARTH_TLS_CERT: files.serverCert,
    HEARTH_TLS_KEY: files.serverKey,
    HEARTH_FLEET_CA_CERT: files.fleetCert,
    HEARTH_FLEET_CA_KEY: files.fleetKey,
  };
  const checked = checkGiven(
    {
      HEARTH_TLS_CERT: await textOf("HEARTH_TLS_CERT", paths.HEARTH_TLS_CERT),
      HEARTH_TLS_KEY: await textOf("HEARTH_TLS_KEY", paths.HEARTH_TLS_KEY),
      HEARTH_FLEET_CA_CERT: await textOf("HEARTH_FLEET_CA_CERT", paths.HEARTH_FLEET_CA_CERT),
      HEARTH_FLEET_CA_KEY: await textOf("HEARTH_FLEET_CA_KEY", paths.HEARTH_FLEET_CA_KEY),
    },
    nowMs,
  );
  if (checked.kind === "good") return checked.material;
  throw new StartError(checked.faults.map(({ variable, has }) => sentence(variable, paths[variable], has)).join("\n"));
}
