import { deviceProblems } from "../devices/devices.ts";

/** What the deliveries slice can refuse. */
export const deliveryProblems = {
  device_not_found: deviceProblems.device_not_found,
  delivery_not_found: {
    status: 404,
    title: "There is no such delivery",
    help: "GET /api/v1/deliveries lists them, newest first.",
  },
  delivery_already_closed: {
    status: 409,
    title: "The delivery is closed already",
    help: "Only what is queued, sent or received can be cancelled.",
  },
  delivery_under_way: {
    status: 409,
    title: "The appliance has gone too far to take it back",
    help: "Firmware can be cancelled until the appliance downloads it. Wait for what becomes of it.",
  },
  command_too_large: {
    status: 422,
    title: "The command's arguments are too large",
    help: "A command carries at most 16 KiB of arguments as JSON.",
  },
} as const;
