import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import * as store from "./components-store.ts";
import { versionKey } from "./core/component-version.ts";
import { readSbom } from "./core/sbom.ts";
import { lockRelease } from "./firmware-store.ts";
import { refused, type Refused } from "./refused.ts";
import type { Release } from "./release-shapes.ts";
import { stepOf } from "./releases.ts";

/** How many releases one answer names beside the appliances. */
const releasesShown = 500;

interface ComponentsDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
}

/** What releases consist of, and who runs it. */
export class Components {
  readonly #deps: ComponentsDeps;

  constructor(deps: ComponentsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes in a CycloneDX document as it stands. One that is there is replaced only until an appliance was offered the release; where there is none it is
   * taken whenever it comes, since better late than never.
   */
  async put(
    by: Principal,
    releaseId: string,
    document: string,
  ): Promise<{ kind: "saved"; release: Release } | Refused> {
    const { db, clock, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const before = (await lockRelease(tx, releaseId))?.release;
      if (before === undefined) return refused("release_not_found");
      const read = readSbom(document);
      if (read.kind === "refused") return read;
      const step = before.components === null ? null : stepOf(before, "changed");
      if (step?.kind === "refused") return refused(step.rule);
      const { components } = read;
      await store.putSbom(tx, releaseId, { document, components, atMs: clock.nowMs(), by: principalText(by) });
      await audit.record(tx, {
        principal: by,
        action: "release.sbom_put",
        subject: `release:${releaseId}`,
        before: { components: before.components },
        after: { components: components.length },
      });
      return { kind: "saved", release: { ...before, components: components.length } };
    });
  }

  sbom(releaseId: string): Promise<string | null> {
    return store.findSbom(this.#deps.db, releaseId);
  }

  /**
   * Which appliances run a component, below a version where one is given: those that report a release whose SBOM names it.
   *
   * @returns a page of them by key; with the first page also the releases that they run
   */
  async devices(
    query: { name: string; below: string | null },
    page: { afterKey: number; limit: number },
  ): Promise<
    | { kind: "found"; devices: store.AffectedDevice[]; releases: store.AffectedRelease[] | null }
    | Refused<"component_version_not_comparable">
  > {
    const { name, below } = query;
    const belowKey = below === null ? null : versionKey(below);
    if (below !== null && belowKey === null) return refused("component_version_not_comparable");
    const wanted = { name, belowKey };
    const isFirst = page.afterKey === 0;
    const [devices, releases] = await Promise.all([
      store.affectedDevices(this.#deps.db, wanted, page),
      isFirst ? store.affectedReleases(this.#deps.db, wanted, releasesShown) : null,
    ]);
    return { kind: "found", devices, releases };
  }
}
