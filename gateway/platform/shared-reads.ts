import { Socket, type SocketConstructorOpts } from "node:net";

/**
 * What Node reads a socket's bytes into unless told otherwise is 64 KiB of its own for each read, cut to what came and left to the
 * garbage collector: for a packet of 150 bytes that costs more than all that is done with it. Sockets of one thread never read at the
 * same time, so all of them can read into the same bytes.
 */
const shared = Buffer.allocUnsafeSlow(65_536);

/** A stream as any other until somebody takes its bytes as they come. */
export class SharedReadSocket extends Socket {
  #take: ((bytes: Buffer) => void) | null = null;

  constructor(handle: object) {
    const onread = { buffer: shared, callback: (length: number): boolean => this.#read(length) };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its types know the handle of a bound socket alone
    super({ handle, onread } as SocketConstructorOpts);
  }

  /**
   * From here on what comes is not buffered, and no `data` tells of it: that comes only for what was buffered before.
   *
   * @param take may keep nothing of the bytes it is given: they are written over by the next read of any socket
   */
  takeBytes(take: (bytes: Buffer) => void): void {
    this.#take = take;
  }

  #read(length: number): boolean {
    const bytes = shared.subarray(0, length);
    if (this.#take === null) return this.push(Buffer.from(bytes));
    this.#take(bytes);
    return true;
  }
}

/**
 * Reads an accepted socket into the shared bytes, once nothing has been read of it: its server pauses on connect. Node gives this to
 * sockets that connect and not to those that are accepted, so that the handle is moved; where there is none to move the socket stays
 * what it is.
 */
export function readShared(socket: Socket): Socket {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return socket;
  Reflect.set(socket, "_handle", null);
  const taken = new SharedReadSocket(handle);
  // Its server counts it out; of the connection itself it has nothing any more.
  socket.destroy();
  return taken;
}
