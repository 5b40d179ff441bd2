import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { rolloutsQuery } from "../../api/rollout-queries.ts";
import type { RolloutSummary } from "../../api/rollout-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { isRolloutStateKind, rolloutStateKinds, stateWords } from "../../core/rollouts.ts";
import type { RolloutsSearch } from "../../core/url-state.ts";
import { Ago } from "../../parts/ago.tsx";
import { Empty } from "../../parts/empty.tsx";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { FunnelBar } from "./funnel.tsx";
import classes from "./rollouts.module.css";

/** Every rollout, the newest first, each with how far it is. */
export function RolloutList({ search, mayWrite }: { search: RolloutsSearch; mayWrite: boolean }) {
  const navigate = useNavigate();
  const { state, cursor } = search;
  const question = useQuery(rolloutsQuery({ state, cursor }));
  return (
    <>
      <div className={page["head"]}>
        <NativeSelect
          label="State"
          value={state ?? ""}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            void navigate({ to: "/rollouts", search: isRolloutStateKind(chosen) ? { state: chosen } : {} });
          }}
          data={[
            { value: "", label: "All" },
            ...rolloutStateKinds.map((kind) => ({ value: kind, label: stateWords[kind].words })),
          ]}
        />
        {mayWrite && (
          <Button renderRoot={(props) => <Link {...props} to="/rollouts/new" search={{}} />}>Plan a rollout</Button>
        )}
      </div>
      <Paged
        question={question}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: "/rollouts", search: { ...search, cursor: next } })}
        words={(count) => plural(count, "rollout")}
        height={96}
        none={<NoRollouts isFiltered={state !== undefined} />}
      >
        {(items) => (
          <ul className={classes["list"]}>
            {items.map((rollout) => (
              <Summary key={rollout.id} rollout={rollout} />
            ))}
          </ul>
        )}
      </Paged>
    </>
  );
}

function Summary({ rollout }: { rollout: RolloutSummary }) {
  const { id, name, model, version, releaseKind, state, members, funnel, noGate, changedAtMs } = rollout;
  const { words, tone } = stateWords[state.kind];
  const ended = funnel.done + funnel.failed + funnel.timed_out;
  return (
    <li className={classes["summary"]} data-tone={tone}>
      <div>
        <div className={classes["name"]}>
          <h2>
            <Link to="/rollouts/$id" params={{ id }}>
              {name}
            </Link>
          </h2>
          <StateMark tone={tone}>{words}</StateMark>
        </div>
        <p className={classes["soft"]}>
          {model} to {version}{" "}
          {releaseKind === "security" && <span className={`${classes["pill"]} ${classes["security"]}`}>Security</span>}{" "}
          {noGate && <span className={classes["pill"]}>No gate: only a person stops it</span>}
        </p>
      </div>
      <div>
        {members > 0 ? (
          <>
            <FunnelBar tally={funnel} />
            <p className={`${classes["soft"]} numbers`}>
              {plural(funnel.done, "appliance")} of {members.toLocaleString("en-GB")} done
              {funnel.failed + funnel.timed_out > 0 &&
                `, ${(funnel.failed + funnel.timed_out).toLocaleString("en-GB")} failed of ${ended.toLocaleString("en-GB")}`}
              , changed <Ago atMs={changedAtMs} />
            </p>
          </>
        ) : (
          <p className={classes["soft"]}>
            Changed <Ago atMs={changedAtMs} />
          </p>
        )}
      </div>
    </li>
  );
}

const NoRollouts = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty title="No rollout is in this state">
      <p>Choose another state above, or all.</p>
    </Empty>
  ) : (
    <Empty title="Nothing was rolled out yet">
      <p>
        A rollout brings a published release to appliances in stages: a few of your own first, then a share of the
        households, then all. Each stage has a gate that stops it by itself where too many fail. Sign a release with{" "}
        <code>npm run release -- sign</code>, publish it, and plan its rollout here.
      </p>
    </Empty>
  );
