import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { send } from "../../api/client.ts";
import { freezesQuery } from "../../api/rollout-queries.ts";
import type { Freeze } from "../../api/rollout-shapes.ts";
import { absoluteText } from "../../core/time.ts";
import { By } from "../../parts/by.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./rollouts.module.css";

/** Times in which nothing begins: the holidays, a trade fair. */
export function Freezes({ mayWrite }: { mayWrite: boolean }) {
  const [making, setMaking] = useState(false);
  const client = useQueryClient();
  const items = useQuery(freezesQuery).data?.items ?? [];
  const again = () => Promise.all(["freezes", "schedule"].map((key) => client.invalidateQueries({ queryKey: [key] })));
  const end = useMutation({
    mutationFn: (id: string) => send("DELETE", `/api/v1/freezes/${encodeURIComponent(id)}`),
    onSuccess: again,
  });
  return (
    <section className={page["card"]} aria-label="Freezes">
      <div className={page["head"]}>
        <h2>Freezes</h2>
        {mayWrite && (
          <Button variant="default" size="sm" onClick={() => setMaking(true)}>
            New freeze…
          </Button>
        )}
      </div>
      <p className={page["note"]}>
        While a freeze holds, no update begins in its countries. A security release may override it with a reason.
      </p>
      {end.error !== null && <Notice error={end.error} />}
      {items.length > 0 && (
        <ul className={classes["history"]}>
          {items.map((freeze) => (
            <li key={freeze.id}>
              <span>
                {freeze.reason}: {freeze.countries.length === 0 ? "everywhere" : freeze.countries.join(", ")}
                {freeze.models.length > 0 && `, only ${freeze.models.join(", ")}`}
              </span>
              <span className={classes["soft"]}>
                {absoluteText(freeze.fromMs, localZone)} to {absoluteText(freeze.toMs, localZone)},{" "}
                <By principal={freeze.createdBy} />
              </span>
              {mayWrite && (
                <span className={page["actions"]}>
                  <Button
                    variant="subtle"
                    size="sm"
                    loading={end.isPending && end.variables === freeze.id}
                    onClick={() => end.mutate(freeze.id)}
                  >
                    End it
                  </Button>
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      <Dialog title="New freeze" opened={making} onClose={() => setMaking(false)}>
        <FreezeForm
          onMade={() => {
            setMaking(false);
            void again();
          }}
        />
      </Dialog>
    </section>
  );
}

const list = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((part) => part.trim())
    .filter((part) => part !== "");

function FreezeForm({ onMade }: { onMade: () => void }) {
  const [reason, setReason] = useState("");
  const [countries, setCountries] = useState("");
  const [models, setModels] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const make = useMutation({
    mutationFn: (body: Omit<Freeze, "id" | "createdBy">) => send("POST", "/api/v1/freezes", body),
    onSuccess: onMade,
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate({
      reason: reason.trim(),
      countries: list(countries.toUpperCase()),
      models: list(models),
      fromMs: new Date(from).getTime(),
      toMs: new Date(to).getTime(),
    });
  };
  return (
    <form className={page["form"]} onSubmit={onSubmit}>
      <TextInput
        label="Why"
        placeholder="Christmas"
        value={reason}
        maxLength={500}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <TextInput
        label="From, by your clock"
        type="datetime-local"
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        label="To, by your clock"
        type="datetime-local"
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <TextInput
        label="Countries, as two letters; empty: everywhere"
        placeholder="DE, AT, CH"
        value={countries}
        onChange={(event) => setCountries(event.currentTarget.value)}
      />
      <TextInput label="Models; empty: all" value={models} onChange={(event) => setModels(event.currentTarget.value)} />
      {make.error !== null && <Notice error={make.error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={make.isPending} disabled={reason.trim() === "" || from === "" || to === ""}>
          Freeze
        </Button>
      </div>
    </form>
  );
}
