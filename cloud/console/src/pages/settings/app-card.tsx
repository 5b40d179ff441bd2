import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { appPath, appQuery } from "../../api/campaign-queries.ts";
import type { MakersApp } from "../../api/campaign-shapes.ts";
import { send } from "../../api/client.ts";
import type { Begun } from "../../core/begun.ts";
import { type AppDraft, appDraftOf, appOf, appWrongs, receiverSays } from "../../core/receiver-drafts.ts";
import { Ago } from "../../parts/ago.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { asTheirs, fieldsOf, type PartProps, TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Save } from "../../parts/save.tsx";
import { SecretOnce } from "../../parts/secret-once.tsx";
import { useEditor } from "../../parts/use-editor.ts";
import { SetBy } from "./set-by.tsx";
import classes from "./settings.module.css";

/** Where the maker's own app is told what households are to get. */
export function AppCard() {
  const question = useQuery(appQuery);
  const [secret, setSecret] = useState<string | null>(null);
  const [changes, setChanges] = useState(0);
  return (
    <section className={`${page["card"]} ${classes["card"]}`} aria-label="Your app">
      <div>
        <h2>Your app</h2>
        <p className={page["note"]}>
          Your own app is one of the channels to a household, beside the display and e-mail. What a household is to get
          there is posted to the app’s server, signed with a secret as Standard Webhooks says.
        </p>
      </div>
      <QuestionNotice question={question} />
      {question.data === undefined ? (
        question.error === null && <Skeleton height={120} />
      ) : (
        <Editor
          key={changes}
          app={question.data}
          onChanged={(made) => {
            setSecret(made);
            setChanges(changes + 1);
          }}
        />
      )}
      <Dialog title="The secret of your app" opened={secret !== null} onClose={() => setSecret(null)}>
        {secret !== null && (
          <SecretOnce what="Secret of the app" secret={secret} onDone={() => setSecret(null)}>
            The app’s server checks the signature of each message with it, and so knows that it comes from here.
          </SecretOnce>
        )}
      </Dialog>
    </section>
  );
}

const begunOf = (app: MakersApp): Begun<AppDraft> => ({
  version: app.version,
  draft: appDraftOf(app),
  createdAtMs: app.changedAtMs ?? 0,
  createdBy: app.changedBy ?? "",
});

interface EditorProps {
  app: MakersApp;
  /** @param secret null where it is told nothing any more */
  onChanged: (secret: string | null) => void;
}

function Editor({ app, onChanged }: EditorProps) {
  const { definition, meanwhile, part, saving } = useEditor<AppDraft, AppDraft, { version: number; secret: string }>({
    newest: begunOf(app),
    right: "engagement.write",
    about: appQuery.queryKey,
    definitionOf: appOf,
    wrongsBefore: appWrongs,
    pathOf: () => appPath,
    // The same address again makes another secret.
    mayRepeat: true,
    onSaved: (saved) => onChanged(saved?.secret ?? null),
  });
  const isSame = definition.url === app.url;
  return (
    <form className={page["form"]}>
      <State app={app} />
      {(app.url !== null || !part.readOnly) && <Address {...part} />}
      {app.version > 0 && <SetBy version={app.version} by={app.changedBy ?? ""} atMs={app.changedAtMs ?? 0} />}
      {!part.readOnly && (
        <>
          <Save
            {...saving}
            label={app.url === null ? "Tell it there" : isSame ? "Make a new secret" : "Tell it there from now on"}
            meanwhile={
              <Meanwhile {...meanwhile} saysOf={({ version, draft }) => receiverSays(version, draft.url)}>
                {({ draft }) => <Address {...asTheirs} draft={draft} />}
              </Meanwhile>
            }
            confirm={
              app.url === null
                ? null
                : {
                    title: isSame ? "Make a new secret for the app?" : "Tell the app at another address?",
                    body: (
                      <p>
                        The secret before ends at once. Until the app’s server has the new one it will refuse what
                        comes, and that is sent again for a while.
                      </p>
                    ),
                  }
            }
          />
          {app.url !== null && <Removal version={app.version} onRemoved={() => onChanged(null)} />}
        </>
      )}
    </form>
  );
}

function State({ app: { url, goneAtMs } }: { app: MakersApp }) {
  if (url === null) return <p>No app is told: households are reached by their displays and by e-mail.</p>;
  if (goneAtMs === null) return null;
  return (
    <p className={page["wrong"]}>
      It is told nothing: <Ago atMs={goneAtMs} /> its server answered that it is gone. A new secret tells it again.
    </p>
  );
}

const Address = (part: PartProps<AppDraft>) => (
  <TextField
    label="Address that your app is told at"
    description="https, and in the internet"
    max={2_000}
    {...fieldsOf(part)("url")}
  />
);

/** Ends it as a channel, once somebody has read what that means. */
function Removal({ version, onRemoved }: { version: number; onRemoved: () => void }) {
  const client = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  const ask = () => client.invalidateQueries({ queryKey: appQuery.queryKey });
  const remove = useMutation({
    mutationFn: () => send("DELETE", `${appPath}?basedOn=${version}`),
    onError: ask,
    onSuccess: async () => {
      await ask();
      onRemoved();
    },
  });
  return (
    <>
      <Button variant="default" c="var(--wrong)" className={form["add"] ?? ""} onClick={() => setIsAsked(true)}>
        Tell it nothing any more…
      </Button>
      <Confirm
        title="Tell the app nothing any more?"
        opened={isAsked}
        yes="Tell it nothing any more"
        no="Leave it"
        isFinal
        isPending={remove.isPending}
        error={remove.error}
        onYes={() => remove.mutate()}
        onClose={() => {
          remove.reset();
          setIsAsked(false);
        }}
      >
        <p>
          Households are reached by their displays and by e-mail alone. What was still to be told is dropped, and the
          secret is forgotten.
        </p>
      </Confirm>
    </>
  );
}
