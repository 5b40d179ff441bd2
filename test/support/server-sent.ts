/** A reader of one of the API's streams. */
export interface StreamReading<Told> {
  status: number;
  /** The problem's code, where it was refused. */
  code: string | null;
  told: Told[];
  hasEnded(): boolean;
  leave(): Promise<void>;
}

/** Reads a stream of server-sent events until it is called off. @param onTold hears of each event as it comes */
export async function readStream<Told extends { event: string; data: unknown }>(
  url: string,
  key: string,
  onTold: (told: Told) => void = () => {},
): Promise<StreamReading<Told>> {
  const calledOff = new AbortController();
  const headers = { authorization: `Bearer ${key}`, accept: "text/event-stream" };
  const response = await fetch(url, { headers, signal: calledOff.signal });
  const told: Told[] = [];
  let code: string | null = null;
  let hasEnded = false;
  const read = async () => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      const whole = text.split("\n\n");
      text = whole.pop() ?? "";
      for (const one of whole) {
        const event = /^event: (.*)$/m.exec(one)?.[1];
        const data = /^data: (.*)$/m.exec(one)?.[1];
        if (event === undefined || data === undefined) continue;
        const heard: Told = JSON.parse(`{"event":${JSON.stringify(event)},"data":${data}}`);
        told.push(heard);
        onTold(heard);
      }
    }
  };
  if (response.status !== 200) {
    const problem: { code: string } = JSON.parse(await response.text());
    code = problem.code;
  }
  const ended = (response.status === 200 ? read() : Promise.resolve()).catch(() => {}).then(() => (hasEnded = true));
  return {
    status: response.status,
    code,
    told,
    hasEnded: () => hasEnded,
    async leave() {
      calledOff.abort();
      await ended;
    },
  };
}
