import { Button, Checkbox, PasswordInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { ApiProblem, tryKey } from "../../api/client.ts";
import { session } from "../../api/session.ts";
import { Mark } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import classes from "./key-page.module.css";

const refusedNow = "Hearth does not know this key. It may have been mistyped, cut short, or ended by an admin.";
const refusedLater = "Your key is no longer accepted: an admin ended it, or this Hearth began anew. Paste another one.";

/** The door: a key is pasted, tried, and only then taken. The address stays, so that it opens where its reader meant to go. */
export function KeyPage() {
  const [key, setKey] = useState("");
  const [remember, setRemember] = useState(false);
  const [trying, setTrying] = useState(false);
  const [refusal, setRefusal] = useState(session.wasRefused ? refusedLater : null);
  const [failure, setFailure] = useState<ApiProblem | null>(null);

  const enter = async () => {
    const pasted = key.trim();
    setFailure(null);
    if (pasted === "") return setRefusal("Paste a key first.");
    setTrying(true);
    try {
      await tryKey(pasted);
      session.begin(pasted, remember);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.status === 401) setRefusal(refusedNow);
      else setFailure(error);
      setTrying(false);
    }
  };

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void enter();
  };

  return (
    <main className={classes["page"]}>
      <div className={classes["card"]}>
        <div className={classes["brand"]}>
          <Mark />
          <h1>Hearth</h1>
        </div>
        <p className={classes["lead"]}>Paste your key to see the fleet.</p>
        {failure !== null && <Notice error={failure} onRetry={() => void enter()} />}
        <form className={classes["form"]} onSubmit={onSubmit}>
          <PasswordInput
            label="Key"
            size="md"
            autoFocus
            autoComplete="off"
            spellCheck={false}
            value={key}
            error={refusal}
            onChange={(event) => {
              setKey(event.currentTarget.value);
              setRefusal(null);
            }}
          />
          <Checkbox
            label="Remember on this computer"
            description="Otherwise the key is forgotten with this tab."
            checked={remember}
            onChange={(event) => setRemember(event.currentTarget.checked)}
          />
          <Button type="submit" size="md" loading={trying}>
            Enter
          </Button>
        </form>
        <div className={classes["teach"]}>
          <p>
            No key yet? The first start of Hearth prints one. Later, on the machine where it runs:{" "}
            <code>npm run key -- new</code>
          </p>
          <p>
            The API is described at <a href="/api/docs/">/api/docs</a>, without a key.
          </p>
        </div>
      </div>
    </main>
  );
}
