import type { Memory } from "./agent/controls.ts";
import type { DeviceVoice } from "./device-voice.ts";

export interface SelfReportDeps {
  memory: Memory;
  voice: DeviceVoice;
  hardwareId: string;
  operation: () => string;
}

/** What an appliance says of itself: as it comes up, and once it was reset to how it was made. */
export class SelfReport {
  readonly #deps: SelfReportDeps;

  constructor(deps: SelfReportDeps) {
    this.#deps = deps;
  }

  /** It was switched on, or boots into new firmware. */
  powerUp(reason: "power" | "update"): void {
    const { memory, voice } = this.#deps;
    this.#sayReset();
    memory.update({ boots: memory.record.boots + 1 });
    voice.event("boot", { reason, firmware: this.#firmware });
    this.#introduce();
  }

  /** Its memory of people is gone: it says so, as often as it takes, because whoever had it must not keep it for a PUBACK that was lost. */
  wasReset(): void {
    const { memory, voice } = this.#deps;
    memory.update({ resetOwed: voice.newEvent() });
    this.#sayReset();
    this.#introduce();
  }

  get #firmware(): string {
    const { active, slots } = this.#deps.memory.record.firmware;
    return slots[active]?.version ?? "unknown";
  }

  #sayReset(): void {
    const { memory, voice } = this.#deps;
    const { resetOwed } = memory.record;
    if (resetOwed === null) return;
    voice.eventAs(resetOwed, "factory.reset", {}, () => {
      if (memory.record.resetOwed?.id === resetOwed.id) memory.update({ resetOwed: null });
    });
  }

  #introduce(): void {
    const { memory, voice, hardwareId, operation } = this.#deps;
    const { firmware, settings } = memory.record;
    voice.reported({
      firmware: this.#firmware,
      releaseCounter: firmware.confirmedCounter,
      hardware: hardwareId,
      locale: settings.locale,
      timeZone: settings.timeZone,
      operation: operation(),
    });
  }
}
