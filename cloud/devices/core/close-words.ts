import { closeReasons } from "#protocol/errors.ts";

const words: Readonly<Record<string, string>> = closeReasons;

/** Why a connection ended, as a sentence. A gateway that is newer than this may give a reason that is not known here. */
export const closeWords = (reason: string): string =>
  Object.hasOwn(words, reason) ? `${words[reason]}.` : `The gateway ended it (${reason.replaceAll("_", " ")}).`;
