import { addressOf, signedQuery } from "./addresses.ts";

/** The image of a release, as a client is told of it. */
export interface Artifact {
  filename: string;
  length: number;
  sha1: string;
  md5: string;
  sha256: string;
}

export interface DeploymentOf {
  device: string;
  actionId: number;
  model: string;
  version: string;
  artifact: Artifact;
  /** Until when the addresses of the files work without a token. */
  expiresAtMs: number;
}

/** Zephyr takes no other part; nobody else looks. */
const part = "bApp";

/** The file with its addresses: the same one as `download` and, for clients without TLS and for Zephyr, as `download-http`. */
export function artifactView(
  { device, actionId, artifact, expiresAtMs }: DeploymentOf,
  secret: Uint8Array,
  url: string,
) {
  const link = (file: string) => {
    const path = addressOf.artifact(device, actionId, file);
    return { href: `${url}${path}${signedQuery(secret, path, expiresAtMs)}` };
  };
  const [download, md5sum] = [link(artifact.filename), link(`${artifact.filename}.MD5SUM`)];
  return {
    filename: artifact.filename,
    hashes: { sha1: artifact.sha1, md5: artifact.md5, sha256: artifact.sha256 },
    size: artifact.length,
    _links: { download, "download-http": download, md5sum, "md5sum-http": md5sum },
  };
}

/**
 * What is to be done. Always `forced`, and always with `update`: SWUpdate takes a missing one for `skip`, and reports an update that it
 * skipped as a success. What may not begin yet is not offered at all. One chunk with one file, or rauc-hawkbit-updater takes the wrong one.
 */
export function deploymentView(of: DeploymentOf, secret: Uint8Array, url: string) {
  const chunk = { part, version: of.version, name: of.model, artifacts: [artifactView(of, secret, url)] };
  return { download: "forced" as const, update: "forced" as const, chunks: [chunk] };
}
