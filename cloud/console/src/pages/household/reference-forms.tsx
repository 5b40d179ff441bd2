import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { householdKey, householdPath } from "../../api/household-queries.ts";
import type { HouseholdReference } from "../../api/household-shapes.ts";
import { stringifySearch } from "../../core/url-state.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";

interface FormProps {
  householdId: string;
  onDone: () => void;
}

/** Changes what others call the household, and what follows from that. */
function useReferring({ householdId, onDone }: FormProps, ask: () => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ask,
    async onSuccess() {
      await client.invalidateQueries({ queryKey: householdKey(householdId) });
      onDone();
    },
  });
}

const referencesPath = (householdId: string) => `${householdPath(householdId)}/references`;
const isKind = (kind: string) => /^[a-z][a-z0-9_]{0,39}$/.test(kind);

/** Says what a shop or a site calls the household: facts that come by that name are theirs from then on. */
export function ReferenceForm(props: FormProps) {
  const [kind, setKind] = useState("shop_customer");
  const [value, setValue] = useState("");
  const add = useReferring(props, () => send("POST", referencesPath(props.householdId), { kind, value: value.trim() }));
  const isReady = isKind(kind) && value.trim() !== "";
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) add.mutate();
      }}
    >
      <p>What a shop, a site or an app reports under this name is theirs from now on.</p>
      <TextInput
        label="Kind of name"
        description="As the system that reports calls it: shop_customer, web_account"
        maxLength={40}
        value={kind}
        error={kind === "" || isKind(kind) ? null : "Small letters, digits and _, a letter first"}
        onChange={(event) => setKind(event.currentTarget.value)}
      />
      <TextInput
        label="Name or number"
        maxLength={200}
        autoComplete="off"
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
      />
      {add.error !== null && <Notice error={add.error} />}
      <div className={page["actions"]}>
        <Button type="submit" disabled={!isReady} loading={add.isPending}>
          Add the name
        </Button>
        <Button variant="default" onClick={props.onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** Forgets one name. What came by it stays. */
export function ForgetForm({ reference, ...props }: FormProps & { reference: HouseholdReference }) {
  const { kind, value } = reference;
  const forget = useReferring(props, () =>
    send("DELETE", `${referencesPath(props.householdId)}${stringifySearch({ kind, value })}`),
  );
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        forget.mutate();
      }}
    >
      <p>
        {kind.replaceAll("_", " ")} <strong style={{ overflowWrap: "anywhere" }}>{value}</strong>. What it reported
        stays theirs; what it reports next makes a prospect of its own.
      </p>
      {forget.error !== null && <Notice error={forget.error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={forget.isPending}>
          Forget the name
        </Button>
        <Button variant="default" onClick={props.onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
