import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { download, send } from "../../api/client.ts";
import { contentPath, testDevicesQuery } from "../../api/content-queries.ts";
import type { ContentDetail } from "../../api/content-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { plural } from "../../core/numbers.ts";
import { Dialog } from "../../parts/dialog.tsx";
import page from "../../parts/page.module.css";
import { Failed, type StepProps, useStep } from "./item-step.tsx";
import { isPlanned, Schedule } from "./schedule.tsx";
import classes from "./content.module.css";

type Asked = "submit" | "review" | "schedule" | "test" | "withdraw";

/** What can be done with it now, by whom. */
export function ItemActions({ item }: { item: ContentDetail }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const rights = useRights();
  const close = () => setAsked(null);
  const { state, kind, id } = item;
  const mayWrite = rights?.may("content.write") === true;
  const planned = item.versions.filter(isPlanned);
  const isOut = planned.length > 0;
  return (
    <div className={page["actions"]}>
      {kind === "recipe" && (
        <Button variant="default" onClick={() => void download(`${contentPath(id)}/recipe.jsonld`, `${id}.jsonld`)}>
          JSON-LD
        </Button>
      )}
      {mayWrite && kind !== "tip" && (
        <Button variant="default" onClick={() => setAsked("test")}>
          Send to my test device…
        </Button>
      )}
      {mayWrite && isOut && (
        <Button variant="default" onClick={() => setAsked("withdraw")}>
          Withdraw…
        </Button>
      )}
      {mayWrite && state === "draft" && <Button onClick={() => setAsked("submit")}>Hand in for review…</Button>}
      {rights?.may("content.review") === true && state === "in_review" && (
        <Button onClick={() => setAsked("review")}>Review…</Button>
      )}
      {mayWrite && isOut && (
        <Button variant={isPlanned({ state }) ? "filled" : "default"} onClick={() => setAsked("schedule")}>
          {planned[0]?.state === "approved"
            ? "Schedule…"
            : isPlanned({ state })
              ? "Change its time…"
              : `Time of version ${planned[0]?.version}…`}
        </Button>
      )}
      <Dialog title="Hand in for review" opened={asked === "submit"} onClose={close}>
        <Submit item={item} onDone={close} />
      </Dialog>
      <Dialog title="Review" opened={asked === "review"} onClose={close}>
        <Review item={item} onDone={close} />
      </Dialog>
      <Dialog title="When and where" size="lg" opened={asked === "schedule"} onClose={close}>
        <Schedule item={item} onDone={close} />
      </Dialog>
      <Dialog title="Send to my test device" opened={asked === "test"} onClose={close}>
        <SendTest item={item} />
      </Dialog>
      <Dialog title="Withdraw it?" opened={asked === "withdraw"} onClose={close}>
        <Withdraw item={item} onDone={close} />
      </Dialog>
    </div>
  );
}

function Submit(props: StepProps) {
  const [note, setNote] = useState("");
  const step = useStep(props);
  return (
    <div className={page["form"]}>
      <p>Somebody else reads it: nobody approves what they wrote. If you save again, it is a draft again.</p>
      <Textarea
        label="What they should know"
        rows={3}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <Failed error={step.error} />
      <div className={page["actions"]}>
        <Button
          loading={step.isPending}
          onClick={() => step.mutate({ verb: "submit", body: note.trim() === "" ? {} : { note } })}
        >
          Hand in
        </Button>
      </div>
    </div>
  );
}

function Review(props: StepProps) {
  const [note, setNote] = useState("");
  const step = useStep(props);
  const asked = props.item.steps.find(({ event }) => event === "submit")?.note;
  return (
    <div className={page["form"]}>
      {asked != null && <p>“{asked}”</p>}
      <p>Look at every language, at the limits of each model, and at what changed. Then say what you think.</p>
      <Textarea
        label="Your note"
        description="Needed to send it back"
        rows={3}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <Failed error={step.error} />
      <div className={page["actions"]}>
        <Button
          loading={step.isPending}
          onClick={() => step.mutate({ verb: "approve", body: note.trim() === "" ? {} : { note } })}
        >
          Approve
        </Button>
        <Button
          variant="default"
          disabled={note.trim() === "" || step.isPending}
          onClick={() => step.mutate({ verb: "send-back", body: { note } })}
        >
          Send back
        </Button>
      </div>
    </div>
  );
}

function Withdraw(props: StepProps) {
  const step = useStep(props);
  return (
    <div className={page["form"]}>
      <p>
        It goes off every feed, campaigns send it no more, and what still waits for appliances that are away is taken
        back. An appliance that is offline drops it from its feeds when it comes back. What somebody has seen stays
        seen.
      </p>
      <Failed error={step.error} />
      <div className={page["actions"]}>
        <Button color="red.9" loading={step.isPending} onClick={() => step.mutate({ verb: "withdraw" })}>
          Withdraw
        </Button>
      </div>
    </div>
  );
}

function SendTest({ item }: { item: ContentDetail }) {
  const client = useQueryClient();
  const mine = useQuery(testDevicesQuery).data?.deviceIds ?? [];
  const [added, setAdded] = useState("");
  const listing = useMutation({
    mutationFn: ({ method, id }: { method: "PUT" | "DELETE"; id: string }) =>
      send(method, `/api/v1/content/test-devices/${encodeURIComponent(id)}`),
    onSuccess: () => {
      setAdded("");
      return client.invalidateQueries({ queryKey: testDevicesQuery.queryKey });
    },
  });
  const sending = useMutation({
    mutationFn: () => send<{ deliveries: number }>("POST", `${contentPath(item.id)}/test`, { deviceIds: mine }),
  });
  return (
    <div className={page["form"]}>
      <p>
        Drafts go to your own test appliances and to no other, at once and in quiet hours too. Version {item.version} is
        sent.
      </p>
      {mine.length === 0 && <p className={page["soft"]}>You have none yet: add the appliance on your desk.</p>}
      <ul className={classes["limits"]}>
        {mine.map((id) => (
          <li key={id} className={classes["stepHead"]}>
            {id}
            <Button
              variant="default"
              size="sm"
              aria-label={`Take ${id} off the list`}
              onClick={() => listing.mutate({ method: "DELETE", id })}
            >
              Remove
            </Button>
          </li>
        ))}
      </ul>
      <form
        className={classes["locales"]}
        onSubmit={(event) => {
          event.preventDefault();
          listing.mutate({ method: "PUT", id: added.trim() });
        }}
      >
        <TextInput
          aria-label="Appliance to add"
          placeholder="oven-0001"
          value={added}
          onChange={(event) => setAdded(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={added.trim() === ""}>
          Add
        </Button>
      </form>
      <Failed error={listing.error ?? sending.error} />
      {sending.data != null && <p role="status">Sent to {plural(sending.data.deliveries, "appliance")}.</p>}
      <div className={page["actions"]}>
        <Button disabled={mine.length === 0} loading={sending.isPending} onClick={() => sending.mutate()}>
          Send
        </Button>
      </div>
    </div>
  );
}
