import { useState } from "react";
import { ApiProblem } from "./client.ts";

/** `randomUUID` is there for pages of a secure address alone. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");

/**
 * A key for one sending, however often it is tried: where no answer came it may be there already, and the same is sent again. What was
 * taken or refused is over, and what comes next is another sending.
 */
export function useSendingKey() {
  const [key, setKey] = useState(newKey);
  return {
    key,
    onSettled(error: Error | null) {
      if (error === null || (error instanceof ApiProblem && error.status !== 0)) setKey(newKey());
    },
  };
}
