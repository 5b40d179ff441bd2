import type { SpoolCommit, SpoolStore } from "../spool-store.ts";

/** A store whose commits a test lets through, or makes fail. */
export class Sluice implements SpoolStore {
  readonly inner: SpoolStore;
  fails = false;
  waiting: (() => void)[] = [];
  holds = false;
  /** Commits asked for. */
  commits = 0;
  constructor(inner: SpoolStore) {
    this.inner = inner;
  }
  state() {
    return this.inner.state();
  }
  chunks() {
    return this.inner.chunks();
  }
  read(key: number) {
    return this.inner.read(key);
  }
  diskFreeBytes() {
    return this.inner.diskFreeBytes();
  }
  async close() {
    await this.inner.close();
  }
  async commit(commit: SpoolCommit) {
    this.commits += 1;
    if (this.holds) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.fails) throw new Error("EIO");
    await this.inner.commit(commit);
  }

  /** Lets everything through from now on. */
  open() {
    this.holds = false;
    for (const go of this.waiting.splice(0)) go();
  }
}
