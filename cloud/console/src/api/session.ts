/**
 * The key that this browser works with. For the tab alone, unless its owner asked that this computer remember it.
 */
const storageName = "hearth.key";

type Listener = () => void;
const listeners = new Set<Listener>();

/** Storage may be denied altogether, by a setting or a policy; the key then lives as long as the page. */
function read(storage: () => Storage): string | null {
  try {
    return storage().getItem(storageName);
  } catch {
    return null;
  }
}

function write(storage: () => Storage, key: string | null): void {
  try {
    if (key === null) storage().removeItem(storageName);
    else storage().setItem(storageName, key);
  } catch {
    // See `read`.
  }
}

let current = read(() => sessionStorage) ?? read(() => localStorage);
let ended = false;

function change(key: string | null): void {
  current = key;
  for (const listener of listeners) listener();
}

export const session = {
  get key(): string | null {
    return current;
  },

  /** The service ended it, rather than the person who uses it. */
  get wasRefused(): boolean {
    return ended;
  },

  begin(key: string, remember: boolean): void {
    ended = false;
    write(() => sessionStorage, key);
    if (remember) write(() => localStorage, key);
    change(key);
  },

  /** Forgets the key everywhere. */
  end(refused: boolean): void {
    if (current === null) return;
    ended = refused;
    write(() => sessionStorage, null);
    write(() => localStorage, null);
    change(null);
  },

  subscribe(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
