import { type Logger, pino } from "pino";

export type { Logger };

/**
 * Logs are events: one line of JSON, a stable `event` name, ids instead of sentences. Secrets never reach it, payloads not above debug.
 *
 * @param level a pino level, or `silent`
 */
export const createLogger = (level: string): Logger =>
  pino({ level, base: null }, pino.destination({ fd: 2, sync: false }));
