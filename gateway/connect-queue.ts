/**
 * Stands before everything that a connection costs: handshakes, logins, questions to the cloud.
 *
 *   accepted --+-- a place and a turn are free ----------------> admitted --login decided, or gone--> its place is free
 *              +-- otherwise waits --its turn, address by address--^
 *                     +-- gave up, waited too long, or too many wait: dropped
 *
 * When all devices come back at once, they come in as fast as they can be served, and nobody's time runs out meanwhile. One address
 * gets no more places than are free, so that it leaves half to a second one, a third each with two, and so on.
 */
import type { Socket } from "node:net";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import { networkOf, plainAddress } from "#protocol/address.ts";
import { FairQueue } from "./core/fair-queue.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { Clock } from "./platform/clock.ts";

/** A connection on its way from being admitted to its login. */
export interface Arrival {
  socket: Socket;
  address: string;
  admittedAtMs: number;
  /** Its login is decided, or will never be: its place is another's. */
  settled: () => void;
}

interface Waiting {
  socket: Socket;
  address: string;
  network: string;
  sinceMs: number;
  admit: (arrival: Arrival) => void;
  /** Stops listening to it. @returns what it has said */
  leave: () => Buffer[];
}

export interface ConnectQueueOptions {
  limits: GatewayLimits;
  hits: LimitHits;
  clock: Clock;
}

/** What may be admitted at once after a quiet time. */
const burstMs = 100;
/** What a connection may say while it waits: a TLS ClientHello, the most of them all, fits into one record. */
const saidBytesMax = 16_384;
const ignore = (): void => {};

export class ConnectQueue {
  readonly #limits: GatewayLimits;
  readonly #hits: LimitHits;
  readonly #clock: Clock;
  readonly #waiting = new FairQueue<Waiting>();
  /** By network, no more entries than there are sockets. */
  readonly #open = new Map<string, number>();
  readonly #inProgress = new Map<string, number>();
  #inProgressCount = 0;
  #turns: number;
  #turnsAtMs: number;
  #cancelTurn: (() => void) | null = null;
  #isClosed = false;

  constructor({ limits, hits, clock }: ConnectQueueOptions) {
    this.#limits = limits;
    this.#hits = hits;
    this.#clock = clock;
    this.#turns = this.#turnsMax;
    this.#turnsAtMs = clock.nowMs();
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** @param admit called when it is this connection's turn, perhaps at once */
  accept(socket: Socket, admit: (arrival: Arrival) => void): void {
    // Whoever has it later hears of its end by `close`; without a listener an error would end the process.
    socket.on("error", ignore);
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || this.#isClosed) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const network = networkOf(address);
    if ((this.#open.get(network) ?? 0) >= this.#limits.connectionsPerAddressMax) {
      this.#hits.hit("connectionsPerAddressMax", address);
      socket.destroy();
      return;
    }
    count(this.#open, network, 1);
    socket.once("close", () => count(this.#open, network, -1));
    this.#refill();
    if (this.#turns < 1) this.#hits.hit("connectsPerSecondMax");
    else if (!this.#hasPlace(network)) this.#hits.hit("connectsInProgressMax");
    else if (this.#waiting.size === 0) return this.#admit(socket, address, network, admit);
    this.#wait(socket, address, network, admit);
  }

  /** Drops those who have waited too long. */
  sweep(nowMs: number): void {
    for (const one of this.#waiting.all()) {
      if (nowMs - one.sinceMs <= this.#limits.connectWaitMsMax) continue;
      this.#hits.hit("connectWaitMsMax");
      this.#waiting.remove(one.network, one);
      drop(one);
    }
  }

  /** Drops all who wait, and takes no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTurn?.();
    for (const one of this.#waiting.all()) {
      this.#waiting.remove(one.network, one);
      drop(one);
    }
  }

  #wait(socket: Socket, address: string, network: string, admit: (arrival: Arrival) => void): void {
    const one = waitingOf({ socket, address, network, admit, sinceMs: this.#clock.nowMs() }, () => {
      if (this.#waiting.remove(network, one)) drop(one);
    });
    this.#waiting.add(network, one);
    this.#serve();
    if (this.#waiting.size > this.#limits.connectsQueuedMax) {
      this.#hits.hit("connectsQueuedMax");
      const victim = this.#waiting.takeFromLongest(network);
      if (victim !== null) drop(victim);
    }
  }

  #serve(): void {
    if (this.#isClosed) return;
    this.#refill();
    while (this.#turns >= 1) {
      const one = this.#waiting.take((network) => this.#hasPlace(network));
      if (one === null) break;
      const { socket, address, network, admit } = one;
      const said = one.leave();
      socket.pause();
      if (said.length > 0) socket.unshift(Buffer.concat(said));
      this.#admit(socket, address, network, admit);
    }
    if (this.#waiting.size > 0 && this.#turns < 1) this.#serveLater();
  }

  #serveLater(): void {
    if (this.#cancelTurn !== null) return;
    const untilTurnMs = ((1 - this.#turns) * 1_000) / this.#limits.connectsPerSecondMax;
    this.#cancelTurn = this.#clock.after(Math.ceil(untilTurnMs), () => {
      this.#cancelTurn = null;
      this.#serve();
    });
  }

  #admit(socket: Socket, address: string, network: string, admit: (arrival: Arrival) => void): void {
    this.#turns -= 1;
    this.#inProgressCount += 1;
    count(this.#inProgress, network, 1);
    let isSettled = false;
    const settled = () => {
      if (isSettled) return;
      isSettled = true;
      this.#inProgressCount -= 1;
      count(this.#inProgress, network, -1);
      if (this.#waiting.size > 0) this.#serve();
    };
    socket.once("close", settled);
    admit({ socket, address, admittedAtMs: this.#clock.nowMs(), settled });
  }

  #hasPlace(network: string): boolean {
    const free = this.#limits.connectsInProgressMax - this.#inProgressCount;
    return (this.#inProgress.get(network) ?? 0) < free;
  }

  get #turnsMax(): number {
    return Math.max(1, (this.#limits.connectsPerSecondMax * burstMs) / 1_000);
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    // The system's clock may be set back.
    const passedMs = Math.max(0, nowMs - this.#turnsAtMs);
    this.#turnsAtMs = nowMs;
    this.#turns = Math.min(this.#turnsMax, this.#turns + (passedMs * this.#limits.connectsPerSecondMax) / 1_000);
  }
}

/**
 * A socket that waits is read all the same, as far as it may say anything yet: only so is it known when it gives up, and whoever gave
 * up must not be served in the place of one who still waits.
 *
 * @param gaveUp it ended, or said too much
 */
function waitingOf(one: Omit<Waiting, "leave">, gaveUp: () => void): Waiting {
  const { socket } = one;
  const said: Buffer[] = [];
  let saidBytes = 0;
  const hear = (chunk: Buffer) => {
    said.push(chunk);
    saidBytes += chunk.length;
    if (saidBytes > saidBytesMax) gaveUp();
  };
  socket.on("data", hear).on("end", gaveUp).on("close", gaveUp);
  const leave = () => {
    socket.off("data", hear).off("end", gaveUp).off("close", gaveUp);
    return said;
  };
  return { ...one, leave };
}

function drop({ socket, leave }: Waiting): void {
  leave();
  socket.destroy();
}

function count(counts: Map<string, number>, network: string, change: 1 | -1): void {
  const now = (counts.get(network) ?? 0) + change;
  if (now > 0) counts.set(network, now);
  else counts.delete(network);
}
