/** One line of plain text: what breaks a line or a header becomes a space. */
export const oneLine = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- controls are what must go
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/g, " ")
    .trim();
