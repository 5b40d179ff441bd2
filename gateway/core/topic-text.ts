/** What MQTT lets a topic and a filter be, whoever may use them. */

/** Whether the text can be a topic: not empty, no wildcard, no NUL (clauses 4.7.1 and 4.7.3). */
export const isTopic = (text: string): boolean => text !== "" && !/[#+\0]/.test(text);

/** Whether wildcards stand where the standard lets them (MQTT 3.1.1, clause 4.7.1): alone in their level, `#` last. */
export function isFilter(text: string): boolean {
  const levels = text.split("/");
  return levels.every((level, at) => {
    if (level === "#") return at === levels.length - 1;
    return level === "+" || !/[#+]/.test(level);
  });
}
