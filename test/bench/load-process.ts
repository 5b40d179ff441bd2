/** Load comes from a process of its own, so that its work is not the server's. */
import { type ChildProcess, fork } from "node:child_process";

export class LoadProcess {
  readonly #child: ChildProcess;
  #failed: Error | null = null;

  /** @param file beside this one; it answers each message with one message */
  constructor(file: string) {
    this.#child = fork(new URL(file, import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.once("exit", (code) => {
      this.#failed = new Error(`${file} ended with code ${code}`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One question at a time. */
  async ask<Answer>(question: object): Promise<Answer> {
    if (this.#failed !== null) throw this.#failed;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const ended = (code: number | null) => reject(new Error(`the load's process ended with code ${code}`));
    this.#child.once("exit", ended);
    this.#child.once("message", (answer: Answer) => resolve(answer));
    this.#child.send(question);
    try {
      return await promise;
    } finally {
      this.#child.off("exit", ended);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.kill();
    await gone;
  }
}

/** The other end, in the load's process: answers each message with one, and ends with its parent. */
export function answerParent(answer: (question: never) => Promise<object>): void {
  process.on("message", (question) => {
    answer(question as never).then(
      (what) => process.send?.(what),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(1));
}
