/** What the provisioning slice can refuse people. What devices are refused is in protocol/provisioning.ts. */
export const provisioningProblems = {
  batch_not_found: {
    status: 404,
    title: "There is no such production batch",
    help: "GET /api/v1/batches lists the batches.",
  },
  batch_exists: {
    status: 409,
    title: "There is a production batch with that key",
    help: "Keys are unique for ever. Choose another.",
  },
  batch_model_not_found: {
    status: 422,
    title: "The batch is of a model that does not exist",
    help: "GET /api/v1/models lists the models; PUT one first.",
  },
  too_many_claim_secrets: {
    status: 409,
    title: "Five claim secrets of this batch work already",
    help: "Wait until the grace of one is over, or rotate with `graceMs` 0, which ends them all.",
  },
  serial_not_found: {
    status: 404,
    title: "There is no such serial number among the manufactured ones",
    help: "POST /api/v1/devices/import takes a table of manufactured serial numbers.",
  },
  serial_enrolled: {
    status: 409,
    title: "The appliance of that serial number is enrolled",
    help: "Block the appliance itself with POST /api/v1/devices/{id}/block.",
  },
  serial_blocked: {
    status: 409,
    title: "The serial number is blocked",
    help: "Unblock it first with POST /api/v1/serials/{serial}/unblock.",
  },
  serial_not_blocked: {
    status: 409,
    title: "The serial number is not blocked",
    help: "GET /api/v1/serials/{serial} says how it stands.",
  },
  provisioned_device_not_found: {
    status: 404,
    title: "There is no such appliance",
    help: "GET /api/v1/devices lists the appliances.",
  },
  certificate_not_found: {
    status: 404,
    title: "There is no such certificate",
    help: "GET /api/v1/certificates lists the certificates by fingerprint: lower-case hex SHA-256 of the DER.",
  },
  csv_header_wrong: {
    status: 422,
    title: "The first line is not the header that is expected",
    help: "The first line names the columns `serial`, `model` and `batch`, and `country` and `tags` where wanted, in any order and no others, with commas or semicolons between.",
  },
  import_too_large: {
    status: 413,
    title: "The table is longer than one import may be",
    help: "What was read is imported. Send the rest in further tables; sending all of it again changes nothing.",
  },
  import_running: {
    status: 409,
    title: "An import is running",
    help: "One runs at a time. Try again when it is done.",
  },
} as const;
