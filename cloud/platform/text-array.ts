const oidOfText = 25;

/**
 * Texts as a `text[]` in PostgreSQL's binary form (`array_recv`): nothing in them is escaped here and taken apart again there. For long
 * ones, and many of them.
 */
export function textArray(values: readonly string[]): Buffer {
  const sizes = values.map((value) => Buffer.byteLength(value));
  const array = Buffer.allocUnsafe(20 + sizes.reduce((sum, size) => sum + 4 + size, 0));
  // One dimension, no nulls, what the elements are, how many, and where the first is.
  let at = 0;
  for (const word of [1, 0, oidOfText, values.length, 1]) at = array.writeInt32BE(word, at);
  for (const [index, value] of values.entries()) {
    at = array.writeInt32BE(sizes[index] ?? 0, at);
    at += array.write(value, at);
  }
  return array;
}
