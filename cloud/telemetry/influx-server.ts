/**
 * InfluxDB over HTTP: line protocol by the write API of version 2, answers by InfluxQL over GET /query, which versions 1, 2 and 3 have
 * in common.
 */
import { HttpError, InfluxDB, type WriteApi } from "@influxdata/influxdb-client";
import { z } from "zod";
import type { Logger } from "../platform/logger.ts";
import { problem } from "../platform/problem.ts";
import { telemetryProblems } from "./telemetry-problems.ts";

export interface InfluxConfig {
  url: string;
  /** Never in a message or a log. */
  token: string | undefined;
  org: string;
  /** Of a version before 2, the database. */
  bucket: string;
  /** Takes line protocol. */
  writePath: string;
}

/** InfluxDB looked at the lines and will not have them, however often they are sent. */
export class LinesRefused extends Error {
  override name = "LinesRefused";
}

/** InfluxDB does not take anything at the moment. */
export class InfluxAway extends Error {
  override name = "InfluxAway";
}

/** Some rows of an answer. */
export interface InfluxRows {
  /** Position of the statement that they answer. */
  statement: number;
  columns: string[];
  rows: unknown[][];
}

const timeoutMs = 30_000;
/** Of one question: an address may not be much longer everywhere. */
const statementsCharsMax = 6_000;
const rowsPerChunk = 2_000;
/** Below this, packing costs more than it saves. */
const gzipBytesMin = 4_096;
/** The client must never send by itself: a flush has to be the word on all of its lines. */
const batchLinesMax = 1_000_000;

const chunkShape = z.object({
  results: z.array(
    z.object({
      statement_id: z.number().default(0),
      error: z.string().optional(),
      series: z.array(z.object({ columns: z.array(z.string()), values: z.array(z.array(z.unknown())) })).default([]),
    }),
  ),
});

/** 400, 413 and 422 are about the lines; 401, 403 and 404 are about token, organisation and bucket; the rest is a bad moment. */
const isAboutLines = (status: number | undefined): boolean => status === 400 || status === 413 || status === 422;
/** Said like a refusal, though it is about how the server is set up: nothing is the matter with the lines. */
const isAboutServer = /max-(series|values)|limit exceeded|database not found|bucket .*not found|org/i;

/** What a server said, in its own words. */
function wordsOf(error: unknown): string {
  if (!(error instanceof HttpError)) return error instanceof Error ? error.message : String(error);
  const said = z.object({ error: z.string().optional(), message: z.string().optional() }).safeParse(error.json);
  const words = said.data?.message ?? said.data?.error ?? error.body ?? "";
  return `${error.statusCode}${words === "" ? "" : `: ${words.trim().slice(0, 500)}`}`;
}

/** A mean beyond what a double holds is nothing that JSON can say, and InfluxDB then says this in place of the answer. */
const isOverflow = (line: string): boolean => line.includes("unsupported value");

export class InfluxServer {
  readonly #client: InfluxDB;
  readonly #writer: WriteApi;
  readonly #bucket: string;
  readonly #logger: Logger;
  /** Whoever writes: lines of two calls in one flush would share its outcome. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: InfluxConfig, logger: Logger) {
    const { url, token, org, bucket, writePath } = config;
    this.#logger = logger;
    this.#bucket = bucket;
    this.#client = new InfluxDB({ url, timeout: timeoutMs, ...(token === undefined ? {} : { token }) });
    this.#writer = this.#client.getWriteApi(org, bucket, "ms", {
      batchSize: batchLinesMax,
      maxBatchBytes: Number.MAX_SAFE_INTEGER,
      flushInterval: 0,
      gzipThreshold: gzipBytesMin,
      // The points wait in the gateway's spool and nowhere else: whoever calls tries again.
      maxRetries: 0,
      async writeFailed(error) {
        throw error;
      },
    });
    this.#writer.path = writeAddress(config, writePath);
  }

  /**
   * Writes lines; resolves once InfluxDB has all of them.
   *
   * @throws LinesRefused where some of them are not to be had; their neighbours may be stored or not
   * @throws InfluxAway for any other reason
   */
  write(lines: readonly string[]): Promise<void> {
    const written = this.#turn.then(() => this.#write(lines));
    this.#turn = written.catch(() => {});
    return written;
  }

  async #write(lines: readonly string[]): Promise<void> {
    try {
      this.#writer.writeRecords([...lines]);
      await this.#writer.flush();
    } catch (error) {
      const words = wordsOf(error);
      const refused = error instanceof HttpError && isAboutLines(error.statusCode) && !isAboutServer.test(words);
      throw refused ? new LinesRefused(words) : new InfluxAway(`InfluxDB: ${words}`, { cause: error });
    }
  }

  /**
   * Asks, and hands over rows as they come. Whoever stops listening ends the question.
   *
   * @param onOverflow some statement's answer cannot be told, as holding a number that is none
   * @throws the problem `telemetry_store_away` where it does not answer; its cause is `InfluxAway`
   */
  async *ask(statements: readonly string[], onOverflow?: () => void): AsyncGenerator<InfluxRows> {
    let at = 0;
    while (at < statements.length) {
      const piece: string[] = [];
      for (let chars = 0; at + piece.length < statements.length && chars < statementsCharsMax;) {
        const statement = statements[at + piece.length] ?? "";
        chars += statement.length;
        if (piece.length > 0 && chars > statementsCharsMax) break;
        piece.push(statement);
      }
      for await (const rows of this.#askOnce(piece.join("; "), "GET", onOverflow))
        yield { ...rows, statement: at + rows.statement };
      at += piece.length;
    }
  }

  /** Has something deleted. @throws LinesRefused where this InfluxDB cannot, InfluxAway where it does not answer */
  async delete(statements: readonly string[]): Promise<void> {
    for (const statement of statements) {
      try {
        for await (const _ of this.#chunks(statement, "POST")) void _;
      } catch (error) {
        const words = wordsOf(error);
        const status = error instanceof HttpError ? error.statusCode : undefined;
        const cannot = error instanceof LinesRefused || [400, 404, 405, 501].includes(status ?? 0);
        throw cannot ? new LinesRefused(words) : new InfluxAway(`InfluxDB: ${words}`, { cause: error });
      }
    }
  }

  /** Whether it is there. */
  async ping(): Promise<boolean> {
    try {
      await this.#client.transport.request("/ping", "", { method: "GET" });
      return true;
    } catch {
      return false;
    }
  }

  async *#askOnce(text: string, method: "GET", onOverflow?: () => void): AsyncGenerator<InfluxRows> {
    try {
      yield* this.#chunks(text, method, onOverflow);
    } catch (error) {
      const words = wordsOf(error);
      this.#logger.warn({ event: "influx.read_failed", error: words });
      // A question that it does not understand is our bug; anything else is its condition.
      if (error instanceof HttpError && error.statusCode === 400) throw new Error(words, { cause: error });
      // What it said is for the log and for health, and not for whoever asks for a chart.
      const away = problem(telemetryProblems, "telemetry_store_away");
      away.cause = new InfluxAway(`InfluxDB: ${words}`, { cause: error });
      throw away;
    }
  }

  async *#chunks(text: string, method: "GET" | "POST", onOverflow?: () => void): AsyncGenerator<InfluxRows> {
    const query = new URLSearchParams({ db: this.#bucket, epoch: "ms", q: text });
    if (method === "GET") {
      query.set("chunked", "true");
      query.set("chunk_size", String(rowsPerChunk));
    }
    const ending = new AbortController();
    try {
      const path = `/query?${query.toString()}`;
      const pieces = this.#client.transport.iterate(path, "", { method, signal: ending.signal });
      for await (const line of linesOf(pieces)) {
        if (isOverflow(line)) onOverflow?.();
        else yield* rowsIn(line);
      }
    } finally {
      ending.abort();
    }
  }
}

function* rowsIn(line: string): Generator<InfluxRows> {
  for (const { statement_id: statement, error, series } of chunkShape.parse(JSON.parse(line)).results) {
    if (error !== undefined) throw new LinesRefused(error);
    for (const { columns, values: rows } of series) yield { statement, columns, rows };
  }
}

/** The address with its parameters; one before version 2 has databases and no buckets. */
function writeAddress({ org, bucket }: InfluxConfig, writePath: string): string {
  const [path = "", given = ""] = writePath.split("?");
  const query = new URLSearchParams(given);
  const wanted = path.endsWith("/api/v2/write") ? { org, bucket } : { db: bucket };
  for (const [name, value] of Object.entries({ ...wanted, precision: "ms" })) if (value !== "") query.set(name, value);
  return `${path}?${query.toString()}`;
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
  if (rest.trim() !== "") yield rest;
}
