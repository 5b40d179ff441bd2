import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { contentDrafts, type ReadDraft } from "../../core/content-drafts.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";

/** Reads a recipe from JSON-LD and opens it as a draft, to be looked at before it is saved. */
export function ImportRecipe({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [text, setText] = useState("");
  const [locale, setLocale] = useState("en");
  const navigate = useNavigate();
  const reading = useMutation({
    mutationFn: () => send<ReadDraft>("POST", "/api/v1/content/recipes/read", { jsonLd: text, locale }),
    onSuccess: async (answer) => {
      if (answer === null) return;
      contentDrafts.keep(answer);
      onClose();
      await navigate({ to: "/content/$id", params: { id: "new" }, search: { kind: "recipe" } });
    },
  });
  return (
    <Dialog title="Import a recipe" size="lg" opened={opened} onClose={onClose}>
      <form
        className={page["form"]}
        onSubmit={(event) => {
          event.preventDefault();
          reading.mutate();
        }}
      >
        <p>
          Paste JSON-LD of schema.org: what a recipe’s page has between{" "}
          <code>&lt;script type="application/ld+json"&gt;</code> and its end. Markup is taken out, and temperatures in
          its steps follow the reader’s units. What the oven should do is added here, by step.
        </p>
        <Textarea
          label="JSON-LD"
          rows={9}
          required
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          spellCheck={false}
        />
        <TextInput
          label="Language, where the recipe does not say"
          value={locale}
          onChange={(event) => setLocale(event.currentTarget.value)}
        />
        {reading.error !== null && <Notice error={reading.error} />}
        <div className={page["actions"]}>
          <Button type="submit" loading={reading.isPending} disabled={text.trim() === ""}>
            Read it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
