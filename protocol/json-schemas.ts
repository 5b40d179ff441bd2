import { z } from "zod";
import { command, reply } from "./command.ts";
import { contentItem, feedIndex } from "./content.ts";
import { delivery, receipt } from "./delivery.ts";
import { deviceEvent } from "./device-event.ts";
import { feedbackGiven, helpRequested, logUpload } from "./help.ts";
import { model } from "./model.ts";
import { pairingOpened } from "./pairing.ts";
import { provisioningReply, provisioningRequest } from "./provisioning.ts";
import { reading, telemetry } from "./reading.ts";
import { desired, reported } from "./state.ts";
import { firmwareOffer, targetCustom, updateStatement } from "./update.ts";

const published = {
  Reading: reading,
  Telemetry: telemetry,
  DeviceEvent: deviceEvent,
  PairingOpened: pairingOpened,
  HelpRequested: helpRequested,
  FeedbackGiven: feedbackGiven,
  Reported: reported,
  Desired: desired,
  Delivery: delivery,
  Receipt: receipt,
  Command: command,
  LogUpload: logUpload,
  Reply: reply,
  ContentItem: contentItem,
  FeedIndex: feedIndex,
  FirmwareOffer: firmwareOffer,
  TargetCustom: targetCustom,
  UpdateStatement: updateStatement,
  Model: model,
  ProvisioningRequest: provisioningRequest,
  ProvisioningReply: provisioningReply,
};

/** The contract as JSON Schema (draft 2020-12), by name: what a firmware author validates against. */
export const jsonSchemas: Record<string, unknown> = Object.fromEntries(
  Object.entries(published).map(([name, schema]) => [
    name,
    z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }),
  ]),
);
