import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { householdPath, householdsPath, householdsQuery } from "../../api/household-queries.ts";
import type { Household, HouseholdMerge } from "../../api/household-shapes.ts";
import { dateText } from "../../core/time.ts";
import { Notice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";

/** Changes both households of a merge, and the list. */
function useMerging(path: string, body: unknown, onDone: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => send("POST", path, body),
    async onSuccess() {
      await Promise.all([
        client.invalidateQueries({ queryKey: ["household"] }),
        client.invalidateQueries({ queryKey: ["households"] }),
      ]);
      onDone();
    },
  });
}

/** Makes a prospect part of this household, on the word of staff. */
export function JoinForm({ household, onDone }: { household: Household; onDone: () => void }) {
  const found = useQuery(householdsQuery({ kind: "prospect" })).data?.items ?? [];
  const prospects = found.filter(({ id }) => id !== household.id);
  const [from, setFrom] = useState("");
  const [reason, setReason] = useState("");
  const join = useMerging(`${householdPath(household.id)}/merges`, { from, reason: reason.trim() }, onDone);
  const isReady = from !== "" && reason.trim() !== "";
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) join.mutate();
      }}
    >
      <p>
        For two entries that are the same people. Their points, their cases and their history become one, and it can be
        undone. An e-mail address that looks alike is not enough: ask them.
      </p>
      <NativeSelect
        label="Prospect"
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
        data={[
          { value: "", label: prospects.length === 0 ? "There is no prospect" : "Choose one of the newest" },
          ...prospects.map(({ id, name, createdAtMs, members }) => ({
            value: id,
            label: `${name}, since ${dateText(createdAtMs, localZone)}${members[0] === undefined ? "" : ` (${members[0].name})`}`,
          })),
        ]}
      />
      <TextInput
        label="How do you know?"
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {join.error !== null && <Notice error={join.error} />}
      <div className={page["actions"]}>
        <Button type="submit" disabled={!isReady} loading={join.isPending}>
          Join them
        </Button>
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

interface UndoFormProps {
  householdId: string;
  merge: HouseholdMerge;
  onDone: () => void;
}

/** Takes a merge back, with the reason. */
export function UndoForm({ householdId, merge, onDone }: UndoFormProps) {
  const [reason, setReason] = useState("");
  const undo = useMerging(`${householdsPath}/merges/${merge.id}/undo`, { reason: reason.trim() }, onDone);
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim() !== "") undo.mutate();
      }}
    >
      <p>
        {merge.from === householdId ? "This entry" : "The prospect"} is a household of its own again, with its points,
        its members, and what came for it since.
      </p>
      <TextInput
        label="Why?"
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {undo.error !== null && <Notice error={undo.error} />}
      <div className={page["actions"]}>
        <Button type="submit" disabled={reason.trim() === ""} loading={undo.isPending}>
          Undo the merge
        </Button>
        <Button variant="default" onClick={onDone}>
          Leave it
        </Button>
      </div>
    </form>
  );
}
