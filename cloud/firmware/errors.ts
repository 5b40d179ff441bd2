/** What the firmware slice can refuse. */
const releaseProblems = {
  release_not_found: {
    status: 404,
    title: "There is no such release",
    help: "GET /api/v1/firmware/releases lists them.",
  },
  firmware_model_unknown: {
    status: 422,
    title: "The release is for a model that does not exist",
    help: "Put the model first: PUT /api/v1/models/{model}.",
  },
  hardware_not_of_model: {
    status: 422,
    title: "The release names hardware that the model does not have",
    help: "Each of the hardwareIds stands in the model's hardwareIds.",
  },
  release_counter_not_newer: {
    status: 409,
    title: "The model has a published release with this counter, or a higher one",
    help: "Each release of a model has a higher releaseCounter than all before it: appliances refuse to go back.",
  },
  release_counter_taken: {
    status: 409,
    title: "A draft of the model has this counter",
    help: "Take another releaseCounter, or remove the draft: DELETE /api/v1/firmware/releases/{id}.",
  },
  release_version_taken: {
    status: 409,
    title: "The model has a release of this version",
    help: "What appliances report as their version must name one release. Take another version.",
  },
  release_path_taken: {
    status: 409,
    title: "Another release has this path in the signed repository",
    help: "A path names one image for ever. Take another file name.",
  },
  min_counter_not_lower: {
    status: 422,
    title: "No appliance could install the release",
    help: "minCounter is the least counter that an appliance must run before; it is below releaseCounter.",
  },
  min_counter_unreachable: {
    status: 422,
    title: "No appliance can have the counter that the release asks for",
    help: "minCounter is at most the counter of a release that is published, or that appliances report.",
  },
  pass_through_unreachable: {
    status: 422,
    title: "What appliances must pass through on the way to this release, they cannot reach",
    help: "Publish a release that they can take first, or withdraw the one that must be passed through.",
  },
  release_has_no_image: {
    status: 409,
    title: "The release has no image yet",
    help: "Send it: PUT /api/v1/firmware/releases/{id}/image.",
  },
  release_not_signed: {
    status: 409,
    title: "The release is not signed",
    help: "Send the family's metadata that names it: POST /api/v1/firmware/releases/{id}/sign.",
  },
  release_not_published: {
    status: 409,
    title: "The release is not published",
    help: "Only a published release is offered, and only it can be withdrawn.",
  },
  release_already_signed: {
    status: 409,
    title: "The release is signed: its image does not change",
    help: "Remove it and draft another: DELETE /api/v1/firmware/releases/{id}.",
  },
  release_already_published: {
    status: 409,
    title: "The release is published",
    help: "What is published is not changed or removed; it can be withdrawn.",
  },
  release_locked: {
    status: 409,
    title: "Appliances have been offered the release",
    help: "From the first offer on nothing of a release changes. Make another release.",
  },
  release_withdrawn: {
    status: 410,
    title: "The release was withdrawn",
    help: "A withdrawn release is never offered again. Make another release.",
  },
  image_length_wrong: {
    status: 422,
    title: "The image is not as long as was said, or signed",
    help: "Send exactly the bytes that the release was made from.",
  },
  image_hash_wrong: {
    status: 422,
    title: "The image is not the one that was said, or signed",
    help: "Its SHA-256 differs.",
  },
  uploads_busy: { status: 429, title: "Too many uploads at once", help: "Wait until one of them has ended." },
} as const;

const metadataProblems = {
  metadata_malformed: {
    status: 422,
    title: "That is no metadata of TUF",
    help: "npm run release makes and signs it.",
  },
  metadata_not_signed: {
    status: 422,
    title: "The metadata is not signed by a key that may sign it",
    help: "GET /api/v1/firmware/repository lists the keys of each role.",
  },
  threshold_not_met: {
    status: 422,
    title: "Fewer keys have signed than must",
    help: "Root wants two of its keys. Sign with the others as well.",
  },
  signature_twice: {
    status: 422,
    title: "A signature stands there twice",
    help: "Each key signs once; a second signature of the same key counts for nothing.",
  },
  metadata_expired: {
    status: 422,
    title: "The metadata has expired",
    help: "npm run release -- refresh signs it again with a later expiry.",
  },
  version_not_next: {
    status: 409,
    title: "The metadata is not the next version",
    help: "Somebody else moved the repository. Sign again on top of what is there now.",
  },
  repository_has_no_root: {
    status: 409,
    title: "The signed repository has no root yet",
    help: "npm run release -- keygen makes the keys and the first root; an admin registers it.",
  },
  root_not_strict: {
    status: 422,
    title: "The root does not ask for enough",
    help: "Ed25519 keys; at least two of three for root; consistent snapshots; the online key for timestamps alone.",
  },
  same_key_twice: {
    status: 422,
    title: "One key goes by two names",
    help: "It would count as two. Name each key once.",
  },
  timestamp_key_not_ours: {
    status: 422,
    title: "The root does not let this installation sign timestamps",
    help: "GET /api/v1/firmware/repository tells its timestampKey; the root names it for the role timestamp.",
  },
  delegation_not_allowed: {
    status: 422,
    title: "A role is handed more than its own folder",
    help: "Each model is one family, fw-{model}, that may sign fw/{model}/* and hands nothing on.",
  },
  target_outside_path: {
    status: 422,
    title: "An image lies outside the folder of its family",
    help: "A family signs fw/{model}/* and nothing else.",
  },
  snapshot_missing: {
    status: 422,
    title: "There is no snapshot for what moves",
    help: "Send the snapshot that names the new versions together with them.",
  },
  snapshot_incomplete: {
    status: 422,
    title: "The snapshot leaves something out",
    help: "It names targets and every family.",
  },
  other_family_moved: {
    status: 422,
    title: "The snapshot moves what was not sent",
    help: "Start from the snapshot in force and change your own family's entry alone.",
  },
  metadata_hash_wrong: {
    status: 422,
    title: "The snapshot names other contents than were sent",
    help: "Length and SHA-256 of what the snapshot names are those of what is sent.",
  },
  metadata_would_not_verify: {
    status: 422,
    title: "An appliance would refuse this metadata",
    help: "The detail says why. Nothing was stored.",
  },
  target_missing: {
    status: 422,
    title: "The family's metadata does not name the image",
    help: "Sign the family's metadata with the release's path in it.",
  },
  target_unknown: {
    status: 422,
    title: "The metadata names an image that no release brings",
    help: "Draft a release for each image, and publish them one by one.",
  },
  target_differs: {
    status: 422,
    title: "What is signed of the image is not what the release says",
    help: "model, hardwareIds, version, releaseCounter and minCounter are the same in both.",
  },
  published_target_removed: {
    status: 422,
    title: "The metadata leaves out the image of a published release",
    help: "Start from the family's metadata in force; withdraw a release before its image is taken out.",
  },
  other_target_changed: {
    status: 422,
    title: "The metadata changes an image that was published before",
    help: "A path names one image for ever.",
  },
} as const;

const componentProblems = {
  sbom_not_valid: {
    status: 422,
    title: "That is no SBOM as CycloneDX 1.4 to 1.6 has it",
    help: "JSON with bomFormat, specVersion and components. The detail names the field.",
  },
  sbom_too_large: {
    status: 422,
    title: "The SBOM is too large",
    help: "At most 8 MiB, 20,000 components, 16 deep in one another.",
  },
  sbom_not_found: { status: 404, title: "The release has no SBOM", help: "PUT one at the same address." },
  component_version_not_comparable: {
    status: 422,
    title: "That version has no place among versions",
    help: "A version begins with a number: 1.1.1k, 2.10.0-rc1, v3.",
  },
} as const;

const sendingProblems = {
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
    help: "Nothing was sent. Name at most 10,000 with deviceIds at once, or plan a rollout.",
  },
  image_not_found: { status: 404, title: "There is no such image", help: "It may have been withdrawn." },
  repository_file_not_found: {
    status: 404,
    title: "There is no such metadata",
    help: "timestamp.json is where to begin; for the next root this is the usual answer.",
  },
  statement_not_found: {
    status: 404,
    title: "There is no such firmware delivery for this appliance",
    help: "Use the href of the delivery as it is.",
  },
  delivery_closed: {
    status: 410,
    title: "The delivery is closed",
    help: "The director says nothing more about it.",
  },
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

/** Of images that the appliance's own client verifies. */
const swuHelp = "Build and sign it anew as the appliance would take it, and describe the release from that file.";
const imageProblems = {
  image_certificates_not_valid: {
    status: 422,
    title: "That is no list of certificates",
    help: "Send at most 20 certificates in PEM, and no keys. An empty text trusts nobody.",
  },
  image_certificates_missing: {
    status: 422,
    title: "Nobody is known yet by whom images may be signed",
    help: "An admin puts the maker's certificates first: PUT /api/v1/firmware/image-certificates.",
  },
  swu_not_readable: { status: 422, title: "The image is none that SWUpdate can read", help: swuHelp },
  swu_not_signed: { status: 422, title: "The image is not signed", help: swuHelp },
  swu_signature_wrong: {
    status: 422,
    title: "The image's own signature is not one that the appliances would trust",
    help: "GET /api/v1/firmware/image-certificates lists by whom images may be signed.",
  },
  swu_description_not_readable: { status: 422, title: "The image's sw-description cannot be read", help: swuHelp },
  swu_version_differs: { status: 422, title: "The image is of another version than the release", help: swuHelp },
  swu_file_not_listed_with_hash: {
    status: 422,
    title: "The image's sw-description names a file without its SHA-256",
    help: swuHelp,
  },
  swu_file_missing: { status: 422, title: "The image lacks a file that its sw-description names", help: swuHelp },
  swu_file_hash_wrong: { status: 422, title: "A file of the image is not the one that was signed", help: swuHelp },
} as const;

export const firmwareProblems = {
  ...releaseProblems,
  ...metadataProblems,
  ...componentProblems,
  ...sendingProblems,
  ...imageProblems,
} as const;
