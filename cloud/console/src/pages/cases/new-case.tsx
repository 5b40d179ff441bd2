import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { householdQuery } from "../../api/case-queries.ts";
import type { Severity } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { useSendingKey } from "../../api/sending-key.ts";
import { causesQuery } from "../../api/document-queries.ts";
import { searchQuery } from "../../api/support-queries.ts";
import { severityWords } from "../../core/case-words.ts";
import { askable } from "../../core/search.ts";
import { aboutOf, type CaseAbout, severityOrder } from "../../core/service-url.ts";
import { useDraft } from "../../parts/draft.ts";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./cases.module.css";

/** How long the typing rests before it is asked for. */
const typingMs = 200;
const offeredMax = 6;

/** What a case is called whose cause nobody has named yet. */
const anyCause = "reported_by_hand";

/** A case that staff open: somebody called, or somebody saw something that no rule looks for. */
export function NewCase({ about, onDone }: { about: string | undefined; onDone: () => void }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [chosen, setChosen] = useState<CaseAbout | null>(() => aboutOf(about));
  const [severity, setSeverity] = useState<Severity>("service");
  const [cause, setCause] = useState(anyCause);
  const [title, setTitle] = useDraft("case.title");
  const [text, setText] = useDraft("case.text");
  const sendingKey = useSendingKey();
  const causes = useQuery(causesQuery).data?.items ?? [];
  const open = useMutation({
    mutationFn: (of: CaseAbout) => {
      const whose = of.kind === "device" ? { deviceId: of.id } : { householdId: of.id };
      const said = text.trim() === "" ? {} : { text: text.trim() };
      return send<{ id: string }>(
        "POST",
        "/api/v1/cases",
        { ...whose, severity, cause, title: title.trim(), ...said },
        sendingKey.key,
      );
    },
    onSuccess: async (opened) => {
      setTitle("");
      setText("");
      await client.invalidateQueries({ queryKey: ["cases"] });
      onDone();
      if (opened !== null) await navigate({ to: "/cases/$id", params: { id: opened.id } });
    },
    onSettled: (_opened, error) => sendingKey.onSettled(error),
  });
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen !== null) open.mutate(chosen);
      }}
    >
      {chosen === null ? <Choose onChoose={setChosen} /> : <Chosen about={chosen} onOther={() => setChosen(null)} />}
      <TextInput
        label="What is the matter, in a few words"
        value={title}
        maxLength={200}
        onChange={(event) => setTitle(event.currentTarget.value)}
      />
      <div className={classes["terms"]}>
        <NativeSelect
          label="How bad it is"
          value={severity}
          onChange={(event) => {
            const wanted = severityOrder.find((one) => one === event.currentTarget.value);
            if (wanted !== undefined) setSeverity(wanted);
          }}
          data={severityOrder.map((one) => ({ value: one, label: severityWords[one].words }))}
        />
        <NativeSelect
          label="Cause, where it is known"
          value={cause}
          onChange={(event) => setCause(event.currentTarget.value)}
          data={[
            { value: anyCause, label: "Not known yet" },
            // What appliances say of themselves only they can say.
            ...causes
              .filter((one) => !one.key.startsWith("fault:"))
              .map((one) => ({ value: one.key, label: one.definition.title })),
          ]}
        />
      </div>
      <Textarea
        label="What a colleague should know"
        autosize
        minRows={3}
        maxRows={12}
        maxLength={4_000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {open.error !== null && <Notice error={open.error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={open.isPending} disabled={chosen === null || title.trim() === ""}>
          Open the case
        </Button>
        <Button variant="default" onClick={onDone}>
          Leave it
        </Button>
      </div>
    </form>
  );
}

function Choose({ onChoose }: { onChoose: (about: CaseAbout) => void }) {
  const [typed, setTyped] = useState("");
  const [rested] = useDebouncedValue(askable(typed), typingMs);
  const question = useQuery({ ...searchQuery(rested ?? ""), enabled: rested !== null });
  const found = (rested === null ? [] : (question.data?.items ?? [])).flatMap((one) =>
    one.kind === "device" || one.kind === "household" ? [{ ...one, kind: one.kind }] : [],
  );
  return (
    <div className={page["form"]}>
      <TextInput
        label="Of which appliance, or which household"
        description="A serial number, an id, or a household’s name"
        autoComplete="off"
        spellCheck={false}
        maxLength={100}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {rested !== null && <QuestionNotice question={question} />}
      {rested !== null && question.data !== undefined && found.length === 0 && (
        <p className={page["note"]}>No appliance and no household is found by that.</p>
      )}
      {found.length > 0 && (
        <ul className={classes["offered"]} aria-label="Found">
          {found.slice(0, offeredMax).map(({ kind, id, title, subtitle }) => (
            <li key={`${kind} ${id}`}>
              <Button variant="default" fullWidth justify="start" onClick={() => onChoose({ kind, id })}>
                <span className={classes["offer"]}>
                  {title} <span className={page["soft"]}>{subtitle}</span>
                </span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Chosen({ about, onOther }: { about: CaseAbout; onOther: () => void }) {
  return (
    <p className={classes["chosen"]}>
      <span>
        {about.kind === "device" ? (
          <>
            The appliance <strong>{about.id}</strong>
          </>
        ) : (
          <>
            The household <HouseholdName id={about.id} />, and none of its appliances
          </>
        )}
      </span>
      <Button variant="default" size="compact-md" onClick={onOther}>
        Another one
      </Button>
    </p>
  );
}

const HouseholdName = ({ id }: { id: string }) => <strong>{useQuery(householdQuery(id)).data?.name ?? "…"}</strong>;
