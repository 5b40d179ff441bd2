import { access, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { open } from "lmdb";

/**
 * Copies the gateway's stores as they are at one moment each, whether or not a gateway is writing to them.
 *
 * @param spoolDir where they lie, a folder each
 * @param into made where it is not there
 */
export async function copySpool(spoolDir: string, into: string): Promise<void> {
  const names = await readdir(spoolDir).catch(() => []);
  for (const name of names) {
    const isStore = await access(join(spoolDir, name, "data.mdb")).then(
      () => true,
      () => false,
    );
    if (!isStore) continue;
    const copy = join(into, name);
    await mkdir(copy, { recursive: true });
    const store = open({ path: join(spoolDir, name), readOnly: true });
    try {
      await store.backup(copy, true);
    } finally {
      await store.close();
    }
  }
}
