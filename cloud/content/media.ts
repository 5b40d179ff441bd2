import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { latestAtMs } from "#protocol/text.ts";
import { transaction } from "../platform/database.ts";
import { checkLink, signLink } from "../platform/signed-link.ts";
import { readIfThere, writeWhole } from "../platform/storage.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { imageType } from "./core/image-type.ts";
import type { ContentDeps } from "./content-deps.ts";
import type { StoredImage } from "./content-shapes.ts";
import { refused, type Refused } from "./content-views.ts";
import { findMedia, insertMedia, mediaSize } from "./media-store.ts";

/** Bytes of one picture: a display has no use for more. */
export const imageBytesMax = 2_097_152;

/** Of all pictures together. */
const libraryBytesMax = 2_147_483_648;
const imagesMax = 20_000;

const pathOf = (sha256: string): string => `/files/media/${sha256}`;

/** Feeds are for every appliance, and what is on them has no end of its own; the signature keeps others from asking what there is. */
const termsOf = (sha256: string) => ({ path: pathOf(sha256), device: "any", expiresAtMs: latestAtMs });

/** The pictures of the library: each under the hash of its bytes, so that the same one twice is one. */
export class Media {
  readonly #deps: ContentDeps;
  readonly #dir: string;

  constructor(deps: ContentDeps) {
    this.#deps = deps;
    this.#dir = join(deps.artifactsDir, "media");
  }

  async add(
    by: Principal,
    bytes: Uint8Array,
  ): Promise<
    { kind: "stored"; image: StoredImage & { href: string } } | Refused<"media_not_a_picture" | "media_full">
  > {
    const { db, clock, audit } = this.#deps;
    const mimeType = imageType(bytes);
    if (mimeType === null) return refused("media_not_a_picture");
    const size = await mediaSize(db);
    if (size.count >= imagesMax || size.bytes + bytes.length > libraryBytesMax) return refused("media_full");
    const image = { sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length, mimeType };
    await mkdir(this.#dir, { recursive: true });
    // First the bytes, then the row: a row never names what is not there. A file that was lost is there again.
    const path = join(this.#dir, image.sha256);
    if ((await readIfThere(path)) === null) await writeWhole(path, bytes, 0o600);
    await transaction(db, async (tx) => {
      if (!(await insertMedia(tx, { ...image, atMs: clock.nowMs(), by: principalText(by) }))) return;
      const subject = `media:${image.sha256}`;
      await audit.record(tx, { principal: by, action: "content.media_added", subject, after: image });
    });
    return { kind: "stored", image: { ...image, href: this.href(image.sha256) } };
  }

  /** Where a picture is fetched, by whoever has this address. */
  href(sha256: string): string {
    const url = new URL(pathOf(sha256), this.#deps.publicUrl());
    url.searchParams.set("signature", signLink(this.#deps.secret, termsOf(sha256)));
    return url.href;
  }

  async open(
    sha256: string,
    signature: string,
  ): Promise<{ kind: "open"; image: StoredImage; bytes: Buffer } | Refused<"media_link_not_valid" | "media_lost">> {
    const { db, secret, clock } = this.#deps;
    if (checkLink(secret, termsOf(sha256), signature, clock.nowMs()) !== "valid")
      return refused("media_link_not_valid");
    const image = await findMedia(db, sha256);
    // A disk that cannot be read is no answer about the picture: an appliance comes again, as after every fault of ours.
    const bytes = image === null ? null : await readIfThere(join(this.#dir, sha256));
    return image === null || bytes === null ? refused("media_lost") : { kind: "open", image, bytes };
  }
}
