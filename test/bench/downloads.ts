/** `npm run bench -- download`: many appliances fetch one firmware image at once, beside nginx that serves the same bytes. */
import { createHash, randomBytes } from "node:crypto";
import type { Downloaded, DownloadQuestion } from "./download-load.ts";
import type { FileServer } from "./file-server.ts";
import { median, rounded, say } from "./figures.ts";
import { startHearthFiles } from "./hearth-files.ts";
import { LoadProcess } from "./load-process.ts";
import { nginxIsThere, startNginx } from "./nginx.ts";
import { anonymousKb, cpuMs, untilQuiet, watchMemory } from "./process-figures.ts";

export interface DownloadFigures {
  mb_per_s: number;
  /** Until the last client has its last byte. */
  last_ms: number;
  /** Processor time of the server for each download, all its threads together. */
  cpu_ms: number;
  /** Anonymous memory of the server before, and at most meanwhile, in MB. */
  memory_before_mb: number;
  memory_max_mb: number;
  /** Share of the time that the load's process computed: at 1 it would be the bottleneck. */
  load_share: number;
}

/** One round: everybody fetches the whole image at once. @throws where somebody gets other bytes */
export async function measureDownload(
  server: FileServer,
  load: LoadProcess,
  image: { bytes: number; sha256: string },
  clients: number,
  quietMs: number,
): Promise<DownloadFigures> {
  server.collectGarbage();
  await untilQuiet(server.pid, quietMs);
  const memoryBefore = anonymousKb(server.pid) / 1_024;
  const highest = watchMemory(server.pid);
  const cpuBefore = cpuMs(server.pid);
  const asked: DownloadQuestion = { href: server.href, clients };
  const got = await load.ask<Downloaded>(asked);
  if (got.bytes !== clients * image.bytes || got.sha256 !== image.sha256) throw new Error("somebody got another image");
  return {
    mb_per_s: Math.round(got.bytes / got.ms / 1_000),
    last_ms: Math.round(got.ms),
    cpu_ms: rounded((cpuMs(server.pid) - cpuBefore) / clients, 2),
    memory_before_mb: Math.round(memoryBefore),
    memory_max_mb: highest(),
    load_share: rounded(got.cpuMs / got.ms, 2),
  };
}

const medians = (rounds: readonly DownloadFigures[]): Record<string, number> =>
  Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((name) => [
      name,
      median(rounds.map((round) => new Map(Object.entries(round)).get(name) ?? 0)),
    ]),
  );

/** Medians of all rounds; the servers take turns. */
export async function benchDownload(asked: { clients: number; bytes: number; rounds: number }) {
  const bytes = randomBytes(asked.bytes);
  const image = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  const load = new LoadProcess("download-load.ts");
  const servers = new Map<string, FileServer>();
  const figures = new Map<string, DownloadFigures[]>();
  try {
    servers.set("hearth", await startHearthFiles(bytes));
    if (nginxIsThere) servers.set("nginx", await startNginx(bytes));
    else say("nginx is not installed");
    for (let round = 1; round <= asked.rounds; round += 1) {
      for (const [name, server] of servers) {
        const measured = await measureDownload(server, load, image, asked.clients, 500);
        say(`${name}: ${JSON.stringify(measured)}`);
        figures.set(name, [...(figures.get(name) ?? []), measured]);
      }
    }
  } finally {
    await load.stop();
    for (const server of servers.values()) await server.stop();
  }
  const [hearth, nginx] = [medians(figures.get("hearth") ?? []), medians(figures.get("nginx") ?? [])];
  const ratio = nginxIsThere ? rounded((hearth["mb_per_s"] ?? 0) / (nginx["mb_per_s"] ?? 1), 2) : null;
  return { ...asked, hearth, nginx: nginxIsThere ? nginx : null, to_nginx: ratio };
}
