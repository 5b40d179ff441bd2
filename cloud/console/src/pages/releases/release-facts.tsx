import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { send } from "../../api/client.ts";
import type { Release } from "../../api/rollout-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { absoluteText } from "../../core/time.ts";
import { By } from "../../parts/by.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./releases.module.css";

/** One release whole, and what may be done with it. */
export function ReleaseFacts({ release, mayWrite }: { release: Release; mayWrite: boolean }) {
  const { id, model, hardwareIds, releaseCounter, minCounter, length, sha256, notes, components, createdBy } = release;
  return (
    <>
      {notes !== "" && <p className={classes["notes"]}>{notes}</p>}
      <dl className={classes["facts"]}>
        <dt>Hardware</dt>
        <dd>{hardwareIds.join(", ")}</dd>
        <dt>Counter</dt>
        <dd className="numbers">
          {releaseCounter}
          {minCounter > 0 && `; installs over ${minCounter} or later`}
        </dd>
        <dt>Image</dt>
        <dd>
          {countText(Math.ceil(length / 1024))} KiB, SHA-256 <code>{sha256}</code>
        </dd>
        <dt>Parts list</dt>
        <dd>{components === null ? "No SBOM was given." : plural(components, "component")}</dd>
        <dt>Brought here</dt>
        <dd>
          <By principal={createdBy} />
        </dd>
        {release.supportEndsAtMs !== null && (
          <>
            <dt>Support ends</dt>
            <dd>{absoluteText(release.supportEndsAtMs, localZone)}</dd>
          </>
        )}
        {release.withdrawnReason !== null && (
          <>
            <dt>Withdrawn</dt>
            <dd>{release.withdrawnReason}</dd>
          </>
        )}
      </dl>
      {release.state === "published" && (
        <div className={page["actions"]}>
          {mayWrite && (
            <Button renderRoot={(props) => <Link {...props} to="/rollouts/new" search={{ release: id }} />}>
              Plan a rollout
            </Button>
          )}
          <Button
            variant="default"
            renderRoot={(props) => <Link {...props} to="/devices" search={{ model, version: release.version }} />}
          >
            Who runs it
          </Button>
          {mayWrite && <Withdraw release={release} />}
        </div>
      )}
    </>
  );
}

function Withdraw({ release: { id, model, version } }: { release: Release }) {
  const [asked, setAsked] = useState(false);
  const [reason, setReason] = useState("");
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () =>
      send("POST", `/api/v1/firmware/releases/${encodeURIComponent(id)}/withdraw`, { reason: reason.trim() }),
    onSuccess: async () => {
      setAsked(false);
      await Promise.all(["releases", "rollouts"].map((key) => client.invalidateQueries({ queryKey: [key] })));
    },
  });
  return (
    <>
      <Button variant="default" c="var(--wrong)" onClick={() => setAsked(true)}>
        Withdraw…
      </Button>
      <Confirm
        title={`Withdraw ${model} ${version}?`}
        opened={asked}
        yes="Withdraw"
        no="Leave it published"
        isFinal
        isReady={reason.trim() !== ""}
        isPending={act.isPending}
        error={act.error}
        onYes={() => act.mutate()}
        onClose={() => setAsked(false)}
      >
        <p>
          It is never offered again, to nobody. What was offered and has not begun is taken back; appliances that run it
          keep it. <code>npm run release -- withdraw</code> also takes it out of the signed metadata.
        </p>
        <Textarea
          label="Why; it stays with the release"
          value={reason}
          maxLength={500}
          autosize
          minRows={2}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Confirm>
    </>
  );
}
