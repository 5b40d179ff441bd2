import pg from "pg";

const copyData = "d".charCodeAt(0);
const copyDone = Buffer.from("c\0\0\0\u{4}", "latin1");

/**
 * Statements that end in a COPY, sent together with its rows: whoever asks waits for one answer in place of two or three. Where one of
 * them fails, the server drops the rows that come after: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
 */
class CopyIn extends pg.Query {
  readonly #text: string;
  readonly #rows: Buffer;

  constructor(text: string, rows: Buffer, done: (error: Error | null | undefined) => void) {
    super(text, done);
    this.#text = text;
    this.#rows = rows;
  }

  override readonly submit = (connection: pg.Connection): void => {
    const { stream } = connection;
    const head = Buffer.alloc(5);
    head[0] = copyData;
    head.writeUInt32BE(4 + this.#rows.length, 1);
    stream.cork();
    connection.query(this.#text);
    stream.write(head);
    stream.write(this.#rows);
    stream.write(copyDone);
    stream.uncork();
  };

  /** The server is ready for what is on its way already. */
  handleCopyInResponse(): void {}
}

/**
 * Runs statements, the last of them a COPY from STDIN, which gets these rows in the format that it names.
 *
 * @throws what the server says of the first that fails; those before it stand as far as the transaction does
 */
export const copyIn = (client: pg.Client, text: string, rows: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    client.query(new CopyIn(text, rows, (error) => (error ? reject(error) : resolve())));
  });
