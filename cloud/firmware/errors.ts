/** What the firmware slice can refuse. */
export const firmwareProblems = {
  signing_key_not_valid: {
    status: 422,
    title: "That is no Ed25519 public key",
    help: "Send the raw 32 bytes of the key as base64url (43 characters).",
  },
  signing_key_exists: {
    status: 409,
    title: "That key is trusted already",
    help: "GET /api/v1/firmware/keys lists the keys.",
  },
  signing_key_unknown: {
    status: 422,
    title: "The manifest names a key that is not trusted here",
    help: "An admin adds keys with POST /api/v1/firmware/keys.",
  },
  signature_wrong: {
    status: 422,
    title: "The signature does not fit the manifest",
    help: "Ed25519 over the exact bytes of the payload, with the key that keyId names.",
  },
  manifest_not_valid: {
    status: 422,
    title: "The signed payload is no firmware manifest",
    help: "GET /api/schemas/FirmwareManifest describes it.",
  },
  firmware_model_unknown: {
    status: 422,
    title: "The manifest names a model that does not exist",
    help: "Put the model first: PUT /api/v1/models/{model}.",
  },
  hardware_not_of_model: {
    status: 422,
    title: "The manifest names hardware that the model does not have",
    help: "Each of the manifest's hardwareIds stands in the model's hardwareIds.",
  },
  release_counter_not_newer: {
    status: 409,
    title: "The model has a release with this counter, or a higher one",
    help: "Each release of a model has a higher releaseCounter than all before it: appliances refuse to go back.",
  },
  image_length_wrong: {
    status: 422,
    title: "The image is not as long as the manifest says",
    help: "Send exactly the bytes that the manifest was made from.",
  },
  image_hash_wrong: {
    status: 422,
    title: "The image is not the one that the manifest names",
    help: "Its SHA-256 differs from the manifest's.",
  },
  uploads_busy: { status: 429, title: "Too many uploads at once", help: "Wait until one of them has ended." },
  release_not_found: {
    status: 404,
    title: "There is no such release",
    help: "GET /api/v1/firmware/releases lists them.",
  },
  firmware_devices_unknown: {
    status: 422,
    title: "Some of these appliances do not exist",
    help: "Nothing was sent. Leave them out and send again.",
  },
  firmware_wrong_model: {
    status: 422,
    title: "The release is for another model",
    help: "Nothing was sent. A release goes to appliances of its own model only.",
  },
  firmware_too_many_devices: {
    status: 422,
    title: "These are more than 10,000 appliances",
    help: "Nothing was sent. Name at most 10,000 with deviceIds at once.",
  },
  image_not_found: { status: 404, title: "There is no such image", help: "It may have been withdrawn." },
  link_not_valid: {
    status: 403,
    title: "This link is not one of ours",
    help: "Use the href of the delivery as it is.",
  },
  link_expired: {
    status: 403,
    title: "This link has expired",
    help: "The delivery brings a fresh one when it is sent again.",
  },
} as const;
