import type { ContentItem, ProgramSettings } from "#protocol/content.ts";
import type { HelpRequested } from "#protocol/help.ts";
import { buildTopic, type Feed, feeds, parseTopic, topicPrefix } from "#protocol/topics.ts";
import type { Controls, Memory } from "./agent/controls.ts";
import { takeDesired } from "./agent/desired-state.ts";
import { type DeviceRecord, newDeviceRecord, withoutPeople } from "./agent/device-record.ts";
import type { DeviceStore } from "./agent/device-store.ts";
import { FeedCache } from "./agent/feed-cache.ts";
import { Inbox } from "./agent/inbox.ts";
import { ItemPictures } from "./agent/item-pictures.ts";
import { LogSender } from "./agent/log-sender.ts";
import { PairingDesk, type ShownCode } from "./agent/pairing-desk.ts";
import { transferLimits } from "./agent/rate-watch.ts";
import { type OwnerOutcome, UpdateAgent } from "./agent/update-agent.ts";
import type { ApplianceSpec, World } from "./appliance-world.ts";
import { type ApplianceCounters, type ApplianceState, asUnseen, describe, reasonOf } from "./appliance-state.ts";
import { displayOf, type Reason } from "./core/display.ts";
import { hardwareOf } from "./core/fleet-plan.ts";
import { type FaultName, isUpdateFault } from "./core/faults.ts";
import { personas } from "./core/household.ts";
import type { MachineEvent } from "./core/machine-event.ts";
import * as machines from "./core/machine.ts";
import { rssi_dbm } from "./core/wifi.ts";
import { DeviceVoice } from "./device-voice.ts";
import { HouseholdDriver, type StartOutcome } from "./household-driver.ts";
import { Kitchen } from "./kitchen.ts";
import { DeviceLink, type LinkLogin } from "./link/device-link.ts";
import type { ClaimCredential } from "./link/first-contact.ts";
import { NetworkWatch } from "./network-watch.ts";
import { laterOf } from "./platform/clock.ts";
import { Provisioner } from "./provisioner.ts";
import { selfTest, type WifiState } from "./core/self-test.ts";
import { SamplingPace } from "./sampling-pace.ts";
import { SelfReport } from "./self-report.ts";
import { TelemetrySender } from "./telemetry-sender.ts";

export type PairingOutcome = { kind: "opened"; shown: ShownCode } | { kind: "refused"; rule: "not_connected" };
export type ResetOutcome = { kind: "reset" } | { kind: "refused"; rule: "updating" };

/** Of the log in a reply, which is one MQTT message. */
const repliedLinesMax = 50;
/** Most device time in one tick: after a long stall the appliance catches up over several. */
const advanceMsMax = 3_600_000;

/**
 * One simulated appliance that speaks only the contract: a machine, its agent, its people, and its connection.
 *
 * Whatever comes over the network reaches the machine through `Controls` alone, on which there is no start.
 */
export class Appliance {
  readonly spec: ApplianceSpec;
  readonly #world: World;
  readonly #store: DeviceStore;
  readonly #hardwareId: string;
  readonly #self: SelfReport;
  readonly #memory: Memory;
  readonly #voice: DeviceVoice;
  readonly #inbox: Inbox;
  readonly #update: UpdateAgent;
  readonly #kitchen: Kitchen;
  readonly #feeds = new FeedCache();
  readonly #pictures: ItemPictures;
  readonly #provisioner: Provisioner | null;
  readonly #pairing: PairingDesk;
  readonly #logSender: LogSender;
  readonly #link: DeviceLink;
  readonly #telemetry: TelemetrySender;
  readonly #network: NetworkWatch;
  #record: DeviceRecord;
  readonly #pace: SamplingPace;
  #identifyUntilMs = 0;

  constructor(spec: ApplianceSpec, store: DeviceStore, world: World) {
    const nowMs = world.clock.nowMs();
    this.spec = spec;
    this.#world = world;
    this.#store = store;
    this.#hardwareId = hardwareOf(spec.model, spec.seed);
    this.#record = store.load() ?? newDeviceRecord(spec);
    this.#memory = this.#newMemory();
    const voice = this.#newVoice();
    this.#voice = voice;
    const operation = (): string => machines.operationOf(this.#machine);
    this.#self = new SelfReport({ memory: this.#memory, voice, hardwareId: this.#hardwareId, operation });
    this.#pairing = new PairingDesk({ voice, clock: world.real, secretBytes: world.secretBytes });
    this.#pictures = new ItemPictures({ ...world, limits: transferLimits }, (what, data) => {
      voice.note(what, data);
    });
    this.#logSender = new LogSender({ ...world, deadlines: laterOf(world.clock, world.real) });
    const controls = this.#newControls();
    this.#update = this.#newUpdateAgent(controls);
    this.#inbox = new Inbox({
      model: spec.model,
      memory: this.#memory,
      controls,
      voice,
      clock: world.clock,
      deadlines: laterOf(world.clock, world.real),
      firmware: this.#update,
    });
    this.#pace = new SamplingPace(world.clock, () => this.#record.settings.sampleMs);
    this.#kitchen = this.#newKitchen(nowMs);
    this.#provisioner = "claim" in spec ? this.#newProvisioner(spec.claim) : null;
    this.#link = this.#newLink();
    this.#telemetry = new TelemetrySender({
      real: world.real,
      send: (payload) => {
        voice.telemetry(payload);
      },
      isConnected: () => this.#link.connected,
    });
    this.#network = new NetworkWatch({
      seed: spec.seed,
      ailment: spec.ailment ?? null,
      outages: spec.outages ?? [],
      clock: world.clock,
      voice,
      link: this.#link,
    });
  }

  /** Switches it on: it boots, says who it is, and connects. */
  start(): void {
    this.#self.powerUp("power");
    if (this.#provisioner === null) this.#link.start();
    else this.#provisioner.start(() => this.#link.start());
  }

  /** Switches it off. What its store holds is there again with the next one. */
  async stop(): Promise<void> {
    await this.#update.stop();
    this.#logSender.stop();
    await this.#pictures.stop();
    await this.#provisioner?.stop();
    await this.#link.stop();
  }

  /** Hands over what it has measured and not sent yet. */
  flush(): void {
    this.#telemetry.flush();
  }

  /** Lets its time pass up to its clock. */
  tick(): void {
    this.#kitchen.advanceTo(Math.min(this.#world.clock.nowMs(), this.#machine.atMs + advanceMsMax));
    this.#network.tick();
    this.#update.tick();
    this.#pairing.tick();
    this.#telemetry.tick();
    this.#provisioner?.tick();
  }

  /** Takes a message as if the broker had sent it. */
  receive(topicText: string, payload: Uint8Array): void {
    const topic = parseTopic(topicText);
    if (topic === null) return;
    switch (topic.kind) {
      case "down":
        if (topic.channel === "inbox") this.#inbox.receive(payload);
        else this.#takeDesired(payload);
        return;
      case "feed":
        if (this.#isMine(topic)) this.#takeIndex(topic.feed, payload);
        return;
      case "item":
        if (this.#isMine(topic)) this.#takeItem(topic.feed, topic.itemId, payload);
        return;
      case "provisioning":
        return this.#provisioner?.receive(payload);
      case "up":
    }
  }

  /** A person starts a program. */
  cook(settings: ProgramSettings): StartOutcome {
    this.tick();
    return this.#kitchen.start(settings, null);
  }

  /** A person starts what was preloaded: the one with this id, or the newest. */
  startPreloaded(id?: string): StartOutcome {
    this.tick();
    return this.#kitchen.people.startPreloaded(id);
  }

  stopByHand(): void {
    this.#kitchen.stop("person");
  }

  openDoor(openMs: number): void {
    this.#kitchen.openDoor(openMs);
  }

  refill(): void {
    this.#kitchen.refill();
  }

  /** A person asks for a pairing code. Without a connection it would be shown to nobody's use. */
  openPairing(validMs?: number): PairingOutcome {
    if (!this.#link.connected) return { kind: "refused", rule: "not_connected" };
    return { kind: "opened", shown: this.#pairing.open(validMs) };
  }

  closePairing(): void {
    this.#pairing.close();
  }

  /**
   * A person sets it back to how it was made: what it holds of people goes, what it has not said yet too, and its household with it.
   * Its identity and its firmware stay.
   */
  factoryReset(): ResetOutcome {
    if (this.#update.underWay) return { kind: "refused", rule: "updating" };
    this.tick();
    this.stopByHand();
    const before = this.#contentFilter();
    const record = withoutPeople(this.#record, this.spec);
    this.#memory.update({ ...record, inbox: [], update: { kind: "none" }, tenure: null });
    this.#forgetDisplay();
    this.#telemetry.clear();
    this.#link.outbox.clear();
    this.#pace.reset();
    this.#self.wasReset();
    if (this.#contentFilter() === before) return { kind: "reset" };
    this.#clearFeeds();
    this.#link.resubscribe([before]);
    return { kind: "reset" };
  }

  /** A person answers the update that the display offers. */
  agreeToUpdate(): OwnerOutcome {
    return this.#update.agree();
  }

  postponeUpdate(byMs: number): OwnerOutcome {
    return this.#update.postpone(byMs);
  }

  declineUpdate(): OwnerOutcome {
    return this.#update.decline();
  }

  /** A person presses the button for help. */
  askForHelp(asked: Partial<HelpRequested> = {}): void {
    this.#kitchen.people.askForHelp(asked);
  }

  /** A person touches one of five faces. @returns whether the display asked */
  giveFeedback(rating: number): boolean {
    return this.#kitchen.people.giveFeedback(rating);
  }

  /** A person touches one of five faces unasked, at a moment that may be over: what was noted then is told now. */
  rate(rating: number, atMs: number): void {
    this.#kitchen.people.rate(rating, atMs);
  }

  /** A person touches an offer: it is ordered. */
  touchOffer(offerId: string): void {
    this.#kitchen.people.touchOffer(offerId);
  }

  /** A person touches 'Why am I seeing this?': on what covers the display, or else on the newest recipe that waits there. */
  askWhy(): Reason | null {
    const { display, preloaded } = this.state();
    const id = display.prompt?.deliveryId ?? preloaded.findLast(({ isRecipe }) => isRecipe)?.deliveryId;
    return id === undefined ? null : reasonOf(this.#inbox.find(id));
  }

  /** The household looks at the display. */
  look(): void {
    this.#kitchen.people.look();
  }

  inject(fault: FaultName): void {
    if (isUpdateFault(fault)) this.#update.inject(fault);
    else this.#kitchen.breakPart(fault);
  }

  repair(fault: FaultName): void {
    if (isUpdateFault(fault)) this.#update.clear(fault);
    else this.#kitchen.repair(fault);
  }

  /** A transport fault: the connection is gone without a word. It comes back by itself. */
  cutNetwork(): void {
    this.#link.cut();
  }

  get unacknowledged(): number {
    return this.#link.outbox.size;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get counters(): ApplianceCounters {
    return {
      readings: this.#telemetry.sent,
      events: this.#voice.events,
      link: this.#link.counters,
      dropped: this.#link.outbox.dropped,
      inbox: this.#inbox.counters,
      feeds: this.#feeds.counters,
      pictures: this.#pictures.counters,
      provisioning: this.#provisioner?.counters ?? null,
    };
  }

  state(): ApplianceState {
    return {
      id: this.spec.id,
      model: this.spec.model.key,
      connected: this.#link.connected,
      identifying: this.#world.clock.nowMs() < this.#identifyUntilMs,
      pairing: this.#pairing.shown,
      display: displayOf(this.#inbox.unseen().map(asUnseen), machines.isRunning(this.#machine)),
      unacknowledged: this.#link.outbox.size,
      pictures: this.#items.filter((item) => this.#pictures.has(item)).map(({ id }) => id),
      ...describe(this.#machine, this.#record, this.#feeds),
    };
  }

  get #machine(): machines.MachineState {
    return this.#kitchen.machine;
  }

  #takeIndex(feed: Feed, payload: Uint8Array): void {
    const before = this.#feeds.version(feed);
    this.#feeds.takeIndex(feed, payload);
    if (feed === "updates" && this.#feeds.version(feed) !== before) this.#update.hint();
    this.#pictures.want(this.#items);
  }

  #takeItem(feed: Feed, itemId: string, payload: Uint8Array): void {
    this.#feeds.takeItem(feed, itemId, payload);
    this.#pictures.want(this.#items);
  }

  /** What the display may offer, of all feeds. */
  get #items(): ContentItem[] {
    return feeds.flatMap((feed) => this.#feeds.items(feed));
  }

  /** Another locale, or other people: everything comes again. */
  #clearFeeds(): void {
    this.#feeds.clear();
    this.#pictures.want([]);
  }

  #isMine(topic: { model: string; locale: string }): boolean {
    return topic.model === this.spec.model.key && topic.locale === this.#record.settings.locale;
  }

  #contentFilter(): string {
    return `${topicPrefix}/content/${this.spec.model.key}/${this.#record.settings.locale}/#`;
  }

  #takeDesired(payload: Uint8Array): void {
    const before = this.#contentFilter();
    const { tenure } = this.#record;
    const isOtherLocale = takeDesired(payload, this.spec, this.#memory, this.#voice);
    if (this.#record.tenure !== tenure) this.#forgetDisplay();
    if (!isOtherLocale) return;
    this.#clearFeeds();
    this.#link.resubscribe([before]);
  }

  /** What people see or read of it beside what it keeps: a code, and its log. */
  #forgetDisplay(): void {
    this.#pairing.forget();
    this.#voice.clearLog();
  }

  #tell(event: MachineEvent): void {
    this.#voice.event(event.type, event.data, event.atMs);
    if (event.type.startsWith("program.") || event.type === "preheat.finished")
      this.#voice.reported({ operation: machines.operationOf(this.#machine) }, event.atMs);
  }

  #newMemory(): Memory {
    const current = (): DeviceRecord => this.#record;
    return {
      get record() {
        return current();
      },
      update: (part) => {
        this.#record = { ...this.#record, ...part };
        this.#store.save(this.#record);
      },
    };
  }

  #newVoice(): DeviceVoice {
    return new DeviceVoice({
      deviceId: this.spec.id,
      clock: this.#world.clock,
      boots: () => this.#record.boots,
      send: (lane, topic, payload, settled) => {
        this.#link.send(lane, topic, payload, settled);
      },
    });
  }

  #newControls(): Controls {
    const { clock } = this.#world;
    return {
      stop: () => {
        const wasRunning = machines.isRunning(this.#machine);
        this.#kitchen.stop("command");
        return wasRunning;
      },
      identify: (forMs) => {
        this.#identifyUntilMs = clock.nowMs() + forMs;
      },
      selfTest: () => ({ ...selfTest(this.#machine, this.#wifi()) }),
      log: () => this.#voice.log.slice(-repliedLinesMax),
      uploadLog: (upload) => this.#logSender.send(upload, this.#logLines()),
      sampleFaster: (everyMs, forMs) => {
        this.#pace.faster(everyMs, forMs);
        this.#kitchen.measureBy(clock.nowMs() + everyMs);
      },
      isHot: () => machines.isHot(this.#machine),
      isRunning: () => machines.isRunning(this.#machine),
    };
  }

  #wifi(): WifiState {
    const { seed, ailment = null } = this.spec;
    const { connects } = this.#link.counters;
    return { connected: this.#link.connected, rssi_dbm: rssi_dbm(seed, this.#machine.atMs, ailment), connects };
  }

  /** What is sent when the whole log is asked for: how it stands, then what happened, oldest first. */
  #logLines(): string[] {
    const { firmware, boots } = this.#record;
    const head = { device: this.spec.id, hardware: this.#hardwareId, boots, firmware: firmware.slots[firmware.active] };
    return [
      `# ${JSON.stringify(head)}`,
      `# self_test ${JSON.stringify(selfTest(this.#machine, this.#wifi()))}`,
      ...this.#voice.log,
    ];
  }

  #newKitchen(nowMs: number): Kitchen {
    const { spec } = this;
    const facts = { ...spec, timeZone: this.#record.settings.timeZone, descales: spec.ailment?.name !== "scaling" };
    const deps = { inbox: this.#inbox, feeds: this.#feeds, voice: this.#voice };
    return new Kitchen(
      {
        ...spec,
        ailment: spec.ailment ?? null,
        sampling: () => this.#pace.current(),
        obstacle: () => (this.#update.busy ? "updating" : null),
        preloaded: () => this.#record.preloaded,
        unload: (id) => {
          this.#memory.update({ preloaded: this.#record.preloaded.filter((one) => one.id !== id) });
        },
        people: (hands) => new HouseholdDriver({ facts, hands, ...deps }, nowMs),
        onReading: (atMs, m) => {
          this.#telemetry.add({ atMs, m });
        },
        onEvent: (event) => {
          this.#tell(event);
        },
      },
      nowMs,
    );
  }

  #newUpdateAgent(controls: Controls): UpdateAgent {
    const { world, spec } = { world: this.#world, spec: this.spec };
    return new UpdateAgent({
      deviceId: spec.id,
      model: spec.model.key,
      hardwareId: this.#hardwareId,
      factory: world.factory,
      store: this.#store,
      memory: this.#memory,
      controls,
      clock: world.clock,
      deadlines: laterOf(world.clock, world.real),
      timers: world.timers,
      fetch: world.fetch,
      random: world.random,
      allowRemote: world.allowRemote,
      agreesAfterMs: personas[spec.persona].agreesAfterMs,
      say: (deliveryId, step, more, alongside) => {
        this.#inbox.say(deliveryId, step, more, alongside);
      },
      event: (type, data) => {
        this.#voice.event(type, data);
      },
      onDown: () => {
        void this.#link.stop();
      },
      onUp: () => {
        this.#self.powerUp("update");
        this.#link.start();
      },
      ...(world.updateLimits === undefined ? {} : { limits: world.updateLimits }),
    });
  }

  #newProvisioner(claim: ClaimCredential): Provisioner {
    return new Provisioner({
      ...this.#world,
      deviceId: this.spec.id,
      claim,
      store: this.#store,
      send: (topic, payload) => {
        this.#link.send("notable", topic, payload);
      },
      renewed: () => {
        this.#link.cut();
      },
    });
  }

  #login(): LinkLogin {
    if ("token" in this.spec) return { kind: "token", token: this.spec.token };
    const login = this.#provisioner?.login ?? null;
    if (login === null) throw new Error(`appliance ${this.spec.id} connects before it has a certificate`);
    return login;
  }

  #newLink(): DeviceLink {
    const { id } = this.spec;
    const { broker, ca, gate, timers, random, backOff } = this.#world;
    return new DeviceLink({
      broker,
      ...(ca === undefined ? {} : { ca }),
      deviceId: id,
      login: () => this.#login(),
      gate,
      timers,
      random,
      filters: () => [
        buildTopic({ kind: "down", deviceId: id, channel: "inbox" }),
        buildTopic({ kind: "down", deviceId: id, channel: "desired" }),
        this.#contentFilter(),
        ...(this.#provisioner?.filters() ?? []),
      ],
      onMessage: (topic, payload) => {
        this.receive(topic, payload);
      },
      onReady: () => {
        this.#network.ready();
      },
      onLost: () => {
        this.#network.lost();
      },
      ...(this.#world.storeBounds === undefined ? {} : { bounds: this.#world.storeBounds }),
      ...(backOff === undefined ? {} : { backOff }),
    });
  }
}
