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
  update_not_found: {
    status: 404,
    title: "There is no such update for your appliances",
    help: "GET /api/v1/my/updates lists those that are open, and the last ones before.",
  },
  update_already_closed: {
    status: 409,
    title: "The update is over",
    help: "GET /api/v1/my/updates says what became of it.",
  },
  update_under_way: {
    status: 409,
    title: "The appliance is at work on it",
    help: "An update can be put off or declined until the appliance downloads it.",
  },
  update_not_postponable: {
    status: 409,
    title: "This update cannot be put off",
    help: "`postponeUntilMsMax` of the update says how far it can be, and null that it cannot.",
  },
  postponed_too_far: {
    status: 422,
    title: "That is further than the update can be put off",
    help: "Choose a time up to the update's `postponeUntilMsMax`.",
  },
  postponed_into_the_past: {
    status: 422,
    title: "That time is over",
    help: "Choose a time that is still to come; to have it at once, agree to it.",
  },
  security_update_stays: {
    status: 409,
    title: "A security update that comes by itself cannot be declined",
    help: "Put it off as far as `postponeUntilMsMax` says: it closes a hole that others could use against you.",
  },
} as const;
