import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { segmentPath, segmentQuery, segmentVersionsQuery } from "../../api/segment-queries.ts";
import type { Segment } from "../../api/segment-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { Expression } from "../../parts/expression.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import { Members } from "./members.tsx";
import { SegmentEditor } from "./segment-editor.tsx";
import { TryHousehold } from "./try-household.tsx";
import classes from "./segments.module.css";
import { Trend } from "./segments-page.tsx";

const route = getRouteApi("/segments/$id");

/** One segment: whom it means, how many they are, who, and why somebody is in it or is not. */
export function SegmentPage() {
  const { id } = route.useParams();
  return id === "new" ? <NewSegment /> : <KnownSegment key={id} id={id} />;
}

const Back = () => (
  <p className={page["soft"]}>
    <Link to="/segments">Segments</Link>
  </p>
);

const NewSegment = () => (
  <div className={page["page"]}>
    <title>New segment · Hearth</title>
    <div>
      <Back />
      <h1>New segment</h1>
      <p className={page["note"]}>
        Choose facts, write the condition, and see beside it whom it means. Nothing is stored until you save.
      </p>
    </div>
    <SegmentEditor segment={null} />
  </div>
);

function KnownSegment({ id }: { id: string }) {
  const question = useQuery(segmentQuery(id));
  const mayWrite = useRights()?.may("segments.write");
  const segment = question.data;
  return (
    <div className={page["page"]}>
      <title>{`${segment?.title ?? "Segment"} · Hearth`}</title>
      <QuestionNotice question={question} />
      {segment === undefined || mayWrite === undefined ? (
        question.error === null && <Skeleton height={320} radius={10} />
      ) : (
        <Whole segment={segment} mayWrite={mayWrite} />
      )}
    </div>
  );
}

function Whole({ segment, mayWrite }: { segment: Segment; mayWrite: boolean }) {
  const { id, title, description, members, isFilling, trend, usedBy } = segment;
  return (
    <>
      <div>
        <Back />
        <div className={page["head"]}>
          <h1>{title}</h1>
          {mayWrite && <Delete segment={segment} />}
        </div>
        {description !== "" && <p className={page["note"]}>{description}</p>}
        <p>
          <strong className="numbers">{countText(members)}</strong> {members === 1 ? "household" : "households"}
          {isFilling && ", and others are still being looked at"} <Trend trend={trend} />
        </p>
        <p className={classes["small"]}>
          {usedBy.length === 0
            ? "Nothing uses it yet."
            : `Used by ${usedBy.map(({ kind, name }) => `the ${kind} ${name}`).join(", ")}.`}
        </p>
      </div>
      {mayWrite ? (
        <SegmentEditor segment={segment} />
      ) : (
        <div className={classes["work"]}>
          <section className={page["card"]} aria-label="Condition">
            <h2>Whom it means</h2>
            <Expression text={segment.expression} />
          </section>
          <TryHousehold id={id} expression={segment.expression} mayWrite={false} />
        </div>
      )}
      <Members segment={segment} />
      <Versions id={id} version={segment.version} />
    </>
  );
}

function Delete({ segment: { id, title, usedBy, members } }: { segment: Segment }) {
  const [opened, setOpened] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => send("DELETE", segmentPath(id)),
    onSuccess: async () => {
      await navigate({ to: "/segments" });
      await client.invalidateQueries({ queryKey: ["segments", "list"] });
    },
  });
  return (
    <>
      <Button variant="default" onClick={() => setOpened(true)} disabled={usedBy.length > 0}>
        Delete
      </Button>
      <Confirm
        title={`Delete ${title}?`}
        opened={opened}
        yes="Delete the segment"
        no="Keep it"
        isFinal
        isPending={remove.isPending}
        error={remove.error}
        onYes={() => remove.mutate()}
        onClose={() => setOpened(false)}
      >
        <p>
          {plural(members, "household is", "households are")} in no such segment any more. What they did is kept: a
          segment with the same condition finds them again.
        </p>
      </Confirm>
    </>
  );
}

function Versions({ id, version }: { id: string; version: number }) {
  const found = useQuery(segmentVersionsQuery(id, version)).data;
  if (found === undefined) return null;
  return (
    <section className={page["card"]} aria-label="Versions">
      <h2>Versions</h2>
      <ol className={classes["people"]} reversed>
        {found.items.map(({ version: number, definition, changedAtMs, changedBy }) => (
          <li key={number}>
            <details>
              <summary>
                Version {number}: {definition.title}{" "}
                <span className={classes["small"]}>
                  <Who principal={changedBy} />
                  {changedAtMs > 0 && (
                    <>
                      , <Ago atMs={changedAtMs} />
                    </>
                  )}
                </span>
              </summary>
              <Expression text={definition.expression} />
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}
