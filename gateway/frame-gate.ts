/**
 * Stands between a device's socket and the broker, and sees every packet.
 *
 *   socket --bytes--> FrameCutter --+-- CONNECT ------> login ------> broker (rewritten)
 *                                   +-- own PUBLISH --> spool --commit--> PUBACK
 *                                   +-- enrol request -> PUBACK, and to the cloud
 *                                   +-- PINGREQ ------> PINGRESP
 *                                   +-- SUBSCRIBE, UNSUBSCRIBE, PUBACK --> broker
 *                                   +-- anything else: the connection ends
 *
 * What may be published, and where it goes, is the policy's: with open access PUBLISH goes to the broker, and QoS 2 with it.
 * What devices say never reaches the broker, so that a held PUBLISH blocks nothing but its own socket. `Reading` says when that
 * socket is read.
 *
 *   connect --CONNECT--> login --accepted--> joining --CONNACK--> open      from each: closed
 */
import type { Duplex } from "node:stream";
import type { Aedes, Client } from "aedes";
import type { CloseReason } from "#protocol/errors.ts";
import { type LimitName, snakeCase } from "#protocol/link/limits.ts";
import type { Token } from "#protocol/link/messages.ts";
import { type DownChannel, buildTopic, downChannels, filterMatches } from "#protocol/topics.ts";
import { Backlog } from "./backlog.ts";
import { BrokerPipe, type PipeHost } from "./broker-pipe.ts";
import { type Access, enrolCode, may, refusedCode, service } from "./core/access.ts";
import type { DeviceTape } from "./core/device-tape.ts";
import { FrameCutter } from "./core/frame-cutter.ts";
import type { HeldBackWord } from "./core/held-back.ts";
import {
  type ConnectPacket,
  encodeConnack,
  encodeConnect,
  encodePubacks,
  encodePublish,
  packetTypes,
  pingresp,
  readConnect,
  readAcknowledgement,
  readSubscribe,
  readUnsubscribe,
} from "./core/packets.ts";
import { filtersBeyond, topicBeyond } from "./core/topic-limits.ts";
import type { Counters } from "./counters.ts";
import { MessageIds } from "./message-ids.ts";
import { OpenDeliveries } from "./open-deliveries.ts";
import { Outgoing } from "./outgoing.ts";
import type { Peer } from "./peer.ts";
import { SharedReadSocket } from "./platform/shared-reads.ts";
import type { Publisher } from "./gathering.ts";
import { Reading, type ReadingHost } from "./reading.ts";

/** What a gate needs of the house around it. */
export interface GateHost extends ReadingHost {
  readonly counters: Counters;
  /** Decides on a CONNECT, and calls `refuse`, `close` or `join`. */
  connectRequested(gate: FrameGate, packet: ConnectPacket): void;
  /** It asks for a certificate; once this returns that can be acknowledged. */
  enrolRequested(gate: FrameGate, payload: Buffer): void;
  /** It says more than it may, or does so no longer. */
  heldBack(gate: FrameGate, word: HeldBackWord): void;
  closed(gate: FrameGate, reason: CloseReason): void;
}

const connectByte = packetTypes.connect << 4;
const pingreqByte = packetTypes.pingreq << 4;
/** What a packet may hold besides its payload and its topic: its header, a length, an id. */
const packetOverheadBytesMax = 9;
/** How long a refused client may take to read its CONNACK before the socket goes. */
const lingerMs = 1_000;

export class FrameGate implements Publisher, PipeHost {
  readonly peer: Peer;
  /** The name that it gave, or the session that it was let in to; empty before. */
  name = "";
  /** What exactly was wrong where its end is a refusal. */
  why: string | null = null;
  /** Set by the host as it joins. */
  connectionId = 0;
  /** Where its packets are noted; null where nobody may watch it. */
  tape: DeviceTape | null = null;
  /** The token that it came with; null where it came with something else. */
  token: Token | null = null;
  will: (NonNullable<ConnectPacket["will"]> & { code: number }) | null = null;
  /** Filters that were granted, each with its QoS. */
  readonly granted = new Map<string, 0 | 1 | 2>();
  readonly messageIds: MessageIds;
  readonly backlog: Backlog;
  readonly reading: Reading;
  /** The broker's number of the last message forwarded. All copies of one message come one after another. */
  forwarded = 0;

  readonly #socket: Duplex;
  readonly #host: GateHost;
  readonly #outgoing: Outgoing;
  readonly #pipe = new BrokerPipe(this);
  readonly #cutter = new FrameCutter();
  #state: "connect" | "login" | "joining" | "open" | "closed" = "connect";
  #stateSinceMs: number;
  #access: Access | null = null;

  #acks: number[] = [];
  readonly #deliveries: OpenDeliveries;
  #settlesSubscriptions = false;
  #isLeaving = false;

  constructor(peer: Peer, host: GateHost) {
    const socket = peer.stream;
    this.peer = peer;
    this.#socket = socket;
    this.#host = host;
    this.#outgoing = new Outgoing(socket, host.clock, () => this.#drained());
    this.reading = new Reading(socket, this.#outgoing, host);
    this.messageIds = new MessageIds(host.limits.unacknowledgedPerConnectionMax);
    this.backlog = new Backlog(this.#outgoing, this.messageIds, host.limits);
    this.#deliveries = new OpenDeliveries(host.limits.deliveriesPerConnectionMax, this.messageIds);
    this.#stateSinceMs = peer.sinceMs;
    const received = (chunk: Buffer) => this.#received(chunk);
    socket.on("data", received);
    if (socket instanceof SharedReadSocket) socket.takeBytes(received);
    socket.on("error", () => this.close("lost"));
    socket.on("close", () => this.close("lost"));
  }

  /** What it may do, once it may come in. */
  get access(): Access | null {
    return this.#access;
  }

  get #isReader(): boolean {
    return this.#state === "connect" || this.#state === "open";
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Whether a login is still waited for. */
  get awaitsLogin(): boolean {
    return this.#state === "login";
  }

  /** Answers CONNECT with a code other than 0, and ends the connection (clause 3.2.2.3). */
  refuse(returnCode: number, reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#socket.end(encodeConnack(returnCode));
    this.#end(reason);
    // Closing while unread bytes wait would reset the connection, and the client might never read the answer.
    this.#socket.resume();
    this.#host.clock.after(lingerMs, () => this.#socket.destroy());
  }

  /** @param why what exactly was wrong, as a stable code */
  close(reason: CloseReason, why: string | null = null): void {
    if (this.#state === "closed") return;
    this.why = why;
    this.#end(reason);
    this.peer.hangUp(reason);
  }

  /** Ends the connection because of a limit. */
  overLimit(limit: LimitName, reason: CloseReason = "over_limit"): void {
    if (this.#state === "closed") return;
    this.#host.hits.hit(limit);
    this.close(reason, snakeCase(limit));
  }

  /** Lets the device in: the broker sees its CONNECT, and everything behind it once CONNACK is written. */
  join(access: Access, connect: ConnectPacket, broker: Aedes): void {
    this.#access = access;
    this.name = access.sessionId;
    this.reading.keepAlive(connect.keepaliveMs);
    this.#enter("joining");
    this.#pipe.join(broker);
    this.#pipe.push(encodeConnect(access.sessionId, connect.clean));
  }

  /** CONNACK is written: what the device sent behind its CONNECT is read now. */
  opened(): void {
    if (this.#state !== "joining") return;
    this.#enter("open");
    this.tape?.connack(this.#stateSinceMs, 0, "");
    // What came behind CONNECT waited for its answer, and was not silent.
    this.reading.packet(this.#stateSinceMs, 0);
    this.#cutFrames(this.#stateSinceMs);
    this.reading.want(this.#isReader);
  }

  /**
   * The broker has done what the last SUBSCRIBE or UNSUBSCRIBE asked for: what the device sent behind it is read now.
   *
   * @param codes its answer to each filter of a SUBSCRIBE
   */
  subscriptionsSettled(codes: readonly number[] = []): void {
    if (!this.#settlesSubscriptions) return;
    this.#settlesSubscriptions = false;
    const nowMs = this.#host.clock.nowMs();
    this.tape?.settled(nowMs, codes);
    this.#cutFrames(nowMs);
    this.reading.want(this.#isReader);
  }

  /** Down channels that its granted filters cover. */
  downChannels(): DownChannel[] {
    return downChannels.filter((channel) => this.#downQos(channel) !== null);
  }

  /**
   * Writes a PUBLISH to the device past the broker, so that it is never queued.
   *
   * @param done told once the socket took it, or will not
   * @returns why it was not tried, or null
   */
  deliver(channel: DownChannel, payload: string, done: (written: boolean) => void): "absent" | "busy" | null {
    const identity = this.#access?.identity;
    if (!identity) return "absent";
    return this.say(buildTopic({ kind: "down", deviceId: identity.deviceId, channel }), payload, done);
  }

  /** The same for any topic that the cloud may speak on, and that this connection has subscribed to. */
  say(topic: string, payload: string, done: (written: boolean) => void): "absent" | "busy" | null {
    const qos = this.#qosOf(topic);
    const isAllowed = may(service, "publish", topic) && this.#access?.mayReceive(topic) === true;
    if (!this.isOpen || qos === null || !isAllowed) return "absent";
    if (this.#deliveries.isFull) this.#host.hits.hit("deliveriesPerConnectionMax");
    if (this.#outgoing.isClogged || this.#deliveries.isFull) return "busy";
    const messageId = qos === 1 ? this.#deliveries.open() : 0;
    const bytes = encodePublish(topic, payload, qos, messageId);
    this.tape?.sent(this.#host.clock.nowMs(), topic, bytes[0] ?? 0, messageId, bytes.length);
    this.#outgoing.write(bytes, (error) => done(!error));
    return null;
  }

  /** Ends what has lasted too long. Called for every gate at the host's pace. */
  sweep(nowMs: number): void {
    const { connectTimeoutMs, loginTimeoutMs, claimStayMsMax } = this.#host.limits;
    const inStateMs = nowMs - this.#stateSinceMs;
    switch (this.#state) {
      case "connect":
        if (inStateMs <= connectTimeoutMs) return;
        this.#host.hits.hit("connectTimeoutMs");
        return this.close("connect_timeout");
      case "login":
      case "joining":
        if (inStateMs <= loginTimeoutMs) return;
        this.#host.hits.hit("loginTimeoutMs");
        return this.refuse(3, "login_timeout");
      case "open":
        if (this.#access?.isBrief && inStateMs > claimStayMsMax) {
          return this.overLimit("claimStayMsMax", "stayed_too_long");
        }
        return this.#sweepOpen(nowMs);
      case "closed":
    }
  }

  #sweepOpen(nowMs: number): void {
    const overdue = this.reading.overdue(nowMs);
    if (nowMs >= (this.token?.validUntilMs ?? Infinity)) return this.close("credential_ended");
    if (overdue !== null) return this.close(overdue);
    if (this.#outgoing.cloggedForMs(nowMs) > this.#host.limits.drainTimeoutMs) {
      return this.overLimit("drainTimeoutMs", "stalled");
    }
    const word = this.reading.look(nowMs);
    if (word !== null) this.#host.heldBack(this, word);
  }

  durable(messageId: number, bytes: number): boolean {
    this.reading.durable(bytes);
    if (this.#state === "closed") return false;
    const first = this.#acks.length === 0;
    if (messageId > 0) this.#acks.push(messageId);
    return first;
  }

  acknowledge(pendingSinceMs: number | null): void {
    if (this.#state !== "open") return;
    if (this.#acks.length > 0) {
      this.#host.counters.acked += this.#acks.length;
      this.tape?.acknowledged(this.#host.clock.nowMs(), this.#acks);
      this.#outgoing.write(encodePubacks(this.#acks));
      this.#acks = [];
    }
    if (pendingSinceMs !== null) this.reading.heldSince(pendingSinceMs);
    this.reading.steer();
  }

  lost(): void {
    this.close("spool_failed");
  }

  brokerSaid(pieces: readonly Buffer[]): void {
    this.#outgoing.writeAll(pieces);
  }

  brokerRead(): void {
    this.reading.brokerRead();
  }

  /** It ends what a device has left, and what it cannot make sense of. */
  brokerLeft(): void {
    this.close(this.#isLeaving ? "closed" : "protocol_error");
  }

  #drained(): void {
    this.reading.steer();
    this.backlog.eased();
  }

  #end(reason: CloseReason): void {
    this.#enter("closed");
    this.reading.end();
    this.#pipe.close();
    this.backlog.end();
    this.#host.closed(this, reason);
  }

  #enter(state: "login" | "joining" | "open" | "closed"): void {
    this.#state = state;
    this.#stateSinceMs = this.#host.clock.nowMs();
  }

  #received(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#cutter.feed(chunk);
    const nowMs = this.#host.clock.nowMs();
    this.#cutFrames(nowMs);
    // What is left waits for something, and the bytes it lies in are the next reader's.
    this.#cutter.keep();
    this.reading.measure(nowMs);
    this.reading.want(this.#isReader);
  }

  /**
   * Handles every whole packet that has arrived, also while too much is held: a socket read holds at most 64 KiB, and a PINGREQ
   * behind held PUBLISHes must be answered.
   */
  #cutFrames(nowMs: number): void {
    const { bytesBeforeLogin, bytesPerPayload, bytesPerTopicMax } = this.#host.limits;
    const bytesPerPacket = bytesPerPayload + bytesPerTopicMax + packetOverheadBytesMax;
    while (this.#state === "connect" || (this.#state === "open" && !this.#settlesSubscriptions && !this.#isLeaving)) {
      const cut = this.#cutter.next(this.#state === "open" ? bytesPerPacket : bytesBeforeLogin);
      if (cut === "more") break;
      if (cut === "malformed_length") return this.#malformed(cut);
      if (cut === "packet_too_large") return this.#packetTooLarge();
      this.reading.packet(nowMs, this.#cutter.end - this.#cutter.start);
      if (this.#state === "open") this.#packet(nowMs);
      else this.#connect();
    }
    if (this.#cutter.midPacket) this.reading.partialPacket(nowMs);
    // What is no CONNECT need not be waited for.
    if (this.#state === "connect" && (this.#cutter.firstByte ?? connectByte) !== connectByte) {
      return this.#malformed("not_connect");
    }
    // Nobody has yet said who this is: what it may make us keep is little.
    const isWaiting = this.#state === "login" || this.#state === "joining";
    if (isWaiting && this.#cutter.waiting > bytesBeforeLogin) this.#packetTooLarge();
  }

  #packetTooLarge(): void {
    this.overLimit(this.#state === "open" ? "bytesPerPayload" : "bytesBeforeLogin", "packet_too_large");
  }

  #connect(): void {
    const { bytes, start, bodyStart, end } = this.#cutter;
    if (bytes[start] !== connectByte) return this.#malformed("not_connect");
    const packet = readConnect(bytes, bodyStart, end);
    if (packet === null) return this.#malformed("malformed_connect");
    this.name = packet.username ?? packet.clientId;
    this.#enter("login");
    this.#host.connectRequested(this, packet);
  }

  #packet(nowMs: number): void {
    const { bytes, start, bodyStart, end } = this.#cutter;
    const first = bytes[start] ?? 0;
    const type = first >> 4;
    if (type !== packetTypes.publish && first !== pingreqByte) this.tape?.received(nowMs, bytes, start, bodyStart, end);
    switch (type) {
      case packetTypes.publish:
        return this.#publish(first, nowMs);
      case packetTypes.pingreq:
        if (first !== pingreqByte || end !== bodyStart) return this.#malformed("malformed_pingreq");
        this.tape?.pinged(nowMs);
        return this.#outgoing.write(pingresp);
      case packetTypes.puback:
      case packetTypes.pubrec:
      case packetTypes.pubrel:
      case packetTypes.pubcomp:
        return this.#acknowledgement(first, readAcknowledgement(bytes, bodyStart, end));
      case packetTypes.subscribe:
        return this.#changeSubscriptions(first === 0x82 ? readSubscribe(bytes, bodyStart, end) : null);
      case packetTypes.unsubscribe:
        return this.#changeSubscriptions(first === 0xa2 ? readUnsubscribe(bytes, bodyStart, end) : null);
      case packetTypes.disconnect:
        if (first !== 0xe0 || end !== bodyStart) return this.#malformed("malformed_disconnect");
        this.will = null;
        if (this.#access?.road !== "broker") return this.close("closed");
        // What it published just before is still on its way: the broker ends the connection in its turn.
        this.#isLeaving = true;
        return this.#toBroker();
      default:
        return this.#malformed("unexpected_packet");
    }
  }

  #malformed(why: string): void {
    this.close("protocol_error", why);
  }

  #acknowledgement(first: number, messageId: number): void {
    const type = first >> 4;
    const flags = type === packetTypes.pubrel ? 0x02 : 0;
    const isKnown = type === packetTypes.puback || this.#access?.road === "broker";
    if (!isKnown || (first & 0x0f) !== flags || messageId === 0) {
      return this.#malformed("unexpected_acknowledgement");
    }
    if (type === packetTypes.puback || type === packetTypes.pubcomp) {
      this.messageIds.release(messageId);
      this.backlog.eased();
    }
    if (!this.#deliveries.acknowledge(messageId)) this.#toBroker();
  }

  /**
   * aedes removes a subscription in a later turn than it adds one: were UNSUBSCRIBE and SUBSCRIBE for one filter under way together,
   * the new one would be forgotten or never end, and the connection with it. So there is one at a time.
   *
   * @param filters null where the packet is malformed
   */
  #changeSubscriptions(filters: string[] | null): void {
    if (filters === null) return this.#malformed("malformed_subscription");
    const beyond = filtersBeyond(filters, this.#host.limits);
    if (beyond !== null) return this.overLimit(beyond);
    this.#settlesSubscriptions = true;
    this.tape?.asks(filters);
    this.#toBroker();
  }

  #toBroker(): void {
    const { bytes, start, end } = this.#cutter;
    // The broker reads it in a later turn.
    if (!this.#pipe.push(Buffer.from(bytes.subarray(start, end)))) this.reading.brokerFilled();
  }

  #publish(first: number, nowMs: number): void {
    const { bytes, start, bodyStart, end } = this.#cutter;
    const qos = (first >> 1) & 3;
    // DUP says nothing of QoS 0 [MQTT-3.3.1-2].
    if (qos === 3 || (first & 0x0e) === 0x08 || end - bodyStart < 2) return this.#malformed("malformed_publish");
    const topicStart = bodyStart + 2;
    const topicEnd = topicStart + bytes.readUInt16BE(bodyStart);
    const payloadStart = topicEnd + (qos > 0 ? 2 : 0);
    if (payloadStart > end) return this.#malformed("malformed_publish");
    const messageId = qos > 0 ? bytes.readUInt16BE(topicEnd) : 0;
    const access = this.#access;
    const code = access?.channelCodeOf(bytes, topicStart, topicEnd) ?? refusedCode;
    this.tape?.published(nowMs, first, code, bytes, topicStart, topicEnd, messageId, end - start);
    if (access === null || code === refusedCode) return this.close("publish_refused", "not_allowed");
    if (access.road === "spool" && qos === 2) return this.close("publish_refused", "qos_2");
    if (access.road === "spool" && (first & 1) === 1) return this.close("publish_refused", "retained");
    if (qos > 0 && messageId === 0) return this.#malformed("malformed_publish");
    if (end - payloadStart > this.#host.limits.bytesPerPayload) return this.#packetTooLarge();
    if (access.road === "broker") return this.#publishToBroker(bytes.toString("utf8", topicStart, topicEnd));
    if (code === enrolCode) return this.#enrol(Buffer.from(bytes.subarray(payloadStart, end)), messageId);
    this.#spool(code, access.recordId, nowMs, bytes, payloadStart, end, messageId);
  }

  #enrol(payload: Buffer, messageId: number): void {
    if (messageId > 0) {
      this.tape?.acknowledged(this.#host.clock.nowMs(), [messageId]);
      this.#outgoing.write(encodePubacks([messageId]));
    }
    this.#host.enrolRequested(this, payload);
  }

  #publishToBroker(topic: string): void {
    const beyond = topicBeyond(topic, this.#host.limits);
    if (beyond === null) this.#toBroker();
    else this.overLimit(beyond);
  }

  #spool(
    code: number,
    deviceId: Buffer,
    nowMs: number,
    bytes: Buffer,
    payloadStart: number,
    end: number,
    messageId: number,
  ): void {
    const { spool, counters } = this.#host;
    counters.messages += 1;
    counters.message_bytes += end - payloadStart;
    if (!spool.healthy) return this.close("spool_failed");
    if (messageId === 0 && spool.full) {
      counters.dropped_qos0 += 1;
      return;
    }
    // While the spool is full all are read who hold nothing: not all of them can hold something then.
    if (spool.full && spool.pendingBytes >= this.#host.limits.heldBytesMax * 2) return this.overLimit("heldBytesMax");
    this.reading.hold(spool.append(code, deviceId, nowMs, bytes, payloadStart, end, this, messageId), nowMs);
  }

  #downQos(channel: DownChannel): 0 | 1 | null {
    const identity = this.#access?.identity;
    if (!identity) return null;
    return this.#qosOf(buildTopic({ kind: "down", deviceId: identity.deviceId, channel }));
  }

  /** The QoS that the cloud's word on a topic goes out with: the highest granted, at most 1; null where no granted filter matches. */
  #qosOf(topic: string): 0 | 1 | null {
    let best: 0 | 1 | null = null;
    for (const [filter, qos] of this.granted) {
      if (filterMatches(filter, topic)) best = qos > 0 || best === 1 ? 1 : 0;
    }
    return best;
  }
}

/** The gate that a client of the broker is connected through. */
export function gateOf(client: Client | null): FrameGate | null {
  const pipe: unknown = client?.conn;
  return pipe instanceof BrokerPipe && pipe.host instanceof FrameGate ? pipe.host : null;
}
