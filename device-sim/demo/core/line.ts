/** A line of the live view before it becomes characters for a terminal: pieces of text, each in one style. */
export type Style = "plain" | "strong" | "faint" | "warm" | "good" | "busy" | "bad";
export interface Piece {
  text: string;
  style: Style;
}
export type Line = readonly Piece[];

/** SGR codes of the 16 colours that every theme defines for itself. */
const codes: Record<Style, string> = {
  plain: "",
  strong: "1",
  faint: "2",
  warm: "33",
  good: "32",
  busy: "36",
  bad: "31",
};

export const piece = (text: string, style: Style = "plain"): Piece => ({ text, style });

/** Columns that a line takes. The live view uses characters of one column and one UTF-16 code unit only. */
export const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + text.length, 0);

/** The line in at most so many columns; what is left out is marked. */
export function fit(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line;
  const kept: Piece[] = [];
  let left = columns - 1;
  for (const { text, style } of line) {
    const letters = text.slice(0, Math.max(0, left));
    left -= letters.length;
    if (letters !== "") kept.push({ text: letters, style });
  }
  return columns > 0 ? [...kept, piece("…", "faint")] : [];
}

/** Two ends of one line with room between them. The left end gives way. */
export function spread(left: Line, right: Line, columns: number): Line {
  const fitted = fit(left, columns - widthOf(right) - 1);
  const room = Math.max(0, columns - widthOf(fitted) - widthOf(right));
  return [...fitted, piece(" ".repeat(room)), ...right];
}

/** Breaks a sentence between words; a word that is longer than a line is cut. */
export function wrap(sentence: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of sentence.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= columns) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (line.length > columns) {
      lines.push(line.slice(0, columns));
      line = line.slice(columns);
    }
  }
  return line === "" ? lines : [...lines, line];
}

/** The line as characters for a terminal. Without colour there is no escape code at all. */
export const paint = (line: Line, colour: boolean): string =>
  line
    .map(({ text, style }) => (colour && codes[style] !== "" ? `\u001B[${codes[style]}m${text}\u001B[0m` : text))
    .join("");
