import { z } from "zod";
import type { Command, Reply } from "#protocol/command.ts";
import { programSettings } from "#protocol/content.ts";
import { logUpload } from "#protocol/help.ts";
import type { Model } from "#protocol/model.ts";
import { programWords } from "#protocol/program-words.ts";
import { type Controls, type Memory, programObstacle } from "./controls.ts";
import { type Preloaded, preloadedMax } from "./device-record.ts";

export interface CommandContext {
  model: Model;
  controls: Controls;
  memory: Memory;
  deliveryId: string;
}

type Answer = Pick<Reply, "ok" | "result" | "reason">;

const identifyArgs = z.object({ for_s: z.number().min(1).max(60).default(10) });
const sampleArgs = z.object({
  every_ms: z.int().min(1_000).max(60_000).default(1_000),
  for_s: z.int().min(1).max(600).default(60),
});

const no = (reason: string): Answer => ({ ok: false, reason });

/** Obeys a command of the closed list. The switch is exhaustive: a name that is new in the contract does not compile here. */
export function obey(command: Command, context: CommandContext): Answer {
  const { controls } = context;
  switch (command.name) {
    case "stop":
      return { ok: true, result: { stopped: controls.stop() } };
    case "identify": {
      const args = identifyArgs.safeParse(command.args);
      if (!args.success) return no("bad_args");
      controls.identify(args.data.for_s * 1_000);
      return { ok: true };
    }
    case "self_test":
      return controls.isRunning() ? no("running") : { ok: true, result: controls.selfTest() };
    case "send_log":
      return sendLog(command, controls);
    case "sample_faster": {
      const args = sampleArgs.safeParse(command.args);
      if (!args.success) return no("bad_args");
      controls.sampleFaster(args.data.every_ms, args.data.for_s * 1_000);
      return { ok: true, result: args.data };
    }
    case "load_program":
      return loadProgram(command, context);
  }
}

/** Without a place to send it to, the newest lines are the answer. */
function sendLog({ args }: Command, controls: Controls): Answer {
  if (args["upload"] === undefined) return { ok: true, result: { lines: controls.log() } };
  const upload = logUpload.safeParse(args["upload"]);
  if (!upload.success) return no("bad_args");
  const obstacle = controls.uploadLog(upload.data);
  return obstacle === null ? { ok: true, result: { uploading: true } } : no(obstacle);
}

/** Only puts the program on the display. A person starts it, or does not. */
function loadProgram(command: Command, { model, memory, deliveryId }: CommandContext): Answer {
  const settings = programSettings.safeParse(command.args);
  if (!settings.success) return no("bad_args");
  const obstacle = programObstacle(model, settings.data);
  if (obstacle !== null) return no(obstacle);
  preload(memory, {
    id: deliveryId,
    deliveryId,
    title: programWords[settings.data.program],
    isRecipe: false,
    steps: [settings.data],
  });
  return { ok: true, result: { preloaded: true } };
}

/** The newest is kept where there is no room for all. */
export function preload(memory: Memory, entry: Preloaded): void {
  const others = memory.record.preloaded.filter(({ id }) => id !== entry.id);
  memory.update({ preloaded: [...others, entry].slice(-preloadedMax) });
}
