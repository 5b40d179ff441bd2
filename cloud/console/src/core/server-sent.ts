export interface ServerSent {
  event: string;
  data: string;
}

/** Takes server-sent events out of text that comes in pieces, wherever it is cut. */
export function createServerSentReader(): (piece: string) => ServerSent[] {
  let rest = "";
  return (piece) => {
    // A line end of two characters may be cut in its middle: its first half waits for the second.
    const whole = (rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    rest = whole.pop() ?? "";
    return whole.flatMap(readOne);
  };
}

function readOne(text: string): ServerSent[] {
  let event = "message";
  const data: string[] = [];
  for (const line of text.split("\n")) {
    const [, field, value = ""] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? [] : [{ event, data: data.join("\n") }];
}
