import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { modelsQuery, overviewQuery } from "../../api/queries.ts";
import { releasesQuery } from "../../api/release-queries.ts";
import type { Release } from "../../api/rollout-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { type Adoption, adoptionOf, releaseStateWords, supportText } from "../../core/releases.ts";
import { shareText } from "../../core/rollouts.ts";
import type { ReleasesSearch } from "../../core/url-state.ts";
import { Ago } from "../../parts/ago.tsx";
import { Empty } from "../../parts/empty.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import rollouts from "../rollouts/rollouts.module.css";
import { ReleaseFacts } from "./release-facts.tsx";
import classes from "./releases.module.css";

/** Every release, the newest first, each with how many appliances run it. */
export function ReleaseList({ search, mayWrite }: { search: ReleasesSearch; mayWrite: boolean }) {
  const { model, release, cursor } = search;
  const navigate = useNavigate();
  const question = useQuery(releasesQuery({ model, cursor }));
  const fleet = useQuery(overviewQuery).data?.now.devices.models ?? [];
  const models = useQuery(modelsQuery).data?.items ?? [];
  return (
    <>
      <div className={page["head"]}>
        <NativeSelect
          label="Model"
          value={model ?? ""}
          onChange={(event) =>
            void navigate({ to: "/releases", search: { model: event.currentTarget.value || undefined } })
          }
          data={[{ value: "", label: "All models" }, ...models.map(({ key, name }) => ({ value: key, label: name }))]}
        />
      </div>
      <Paged
        question={question}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: "/releases", search: { model, cursor: next } })}
        words={(count) => plural(count, "release")}
        height={120}
        none={<NoReleases />}
      >
        {(items) => (
          <ul className={classes["list"]}>
            {items.map((one) => (
              <Item
                key={one.id}
                release={one}
                search={search}
                isOpen={one.id === release}
                adoption={adoptionOf(one, fleet)}
                mayWrite={mayWrite}
              />
            ))}
          </ul>
        )}
      </Paged>
    </>
  );
}

interface ItemProps {
  release: Release;
  search: ReleasesSearch;
  isOpen: boolean;
  adoption: Adoption;
  mayWrite: boolean;
}

function Item({ release, search, isOpen, adoption, mayWrite }: ItemProps) {
  const nowMs = useNow();
  const { id, model, version, kind, state, supportEndsAtMs, publishedAtMs, createdAtMs } = release;
  const { words, tone } = releaseStateWords[state];
  const support = supportText(supportEndsAtMs, nowMs);
  return (
    <li className={classes["release"]} data-open={isOpen}>
      <div className={classes["head"]}>
        <h2>
          <Link
            to="/releases"
            search={{ ...search, release: isOpen ? undefined : id }}
            resetScroll={false}
            aria-expanded={isOpen}
          >
            {model} {version}
          </Link>
        </h2>
        <span className={classes["marks"]}>
          {kind === "security" && <span className={`${rollouts["pill"]} ${rollouts["security"]}`}>Security</span>}
          {release.passThrough && <span className={rollouts["pill"]}>Must not be skipped</span>}
          <StateMark tone={tone}>{words}</StateMark>
        </span>
      </div>
      <div className={classes["adoption"]}>
        <span className={classes["track"]} aria-hidden="true">
          <span className={classes["fill"]} style={{ width: `${adoption.share * 100}%` }} />
        </span>
        <span className="numbers">
          {countText(adoption.devices)} of {plural(adoption.total, "appliance")} run it ({shareText(adoption.share)})
        </span>
      </div>
      <p className={page["soft"]}>
        {publishedAtMs === null ? "Made " : "Published "}
        <Ago atMs={publishedAtMs ?? createdAtMs} />
        {support !== null && <span className={support.isOver ? page["wrong"] : ""}>. {support.words}</span>}
      </p>
      {isOpen && <ReleaseFacts release={release} mayWrite={mayWrite} />}
    </li>
  );
}

const NoReleases = () => (
  <Empty title="There is no release yet">
    <p>
      Keys stay with the team, and never come to this server. On your own machine:{" "}
      <code>npm run release -- keygen</code> makes them once, <code>npm run release -- sign</code> signs an image, and{" "}
      <code>npm run release -- publish</code> brings it here. Then plan its rollout.
    </p>
  </Empty>
);
