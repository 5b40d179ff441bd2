import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { shopPath, shopQuery } from "../../api/loyalty-queries.ts";
import type { LoyaltyShop } from "../../api/loyalty-shapes.ts";
import { type Begun, begunNew } from "../../core/begun.ts";
import {
  keyBytes,
  keyOf,
  noShop,
  receiverSays,
  type ShopDraft,
  shopDraftOf,
  shopOf,
  shopWrongs,
} from "../../core/receiver-drafts.ts";
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

/** Where orders go, and the key that signs them. */
export function ShopCard() {
  const question = useQuery(shopQuery);
  const [secret, setSecret] = useState<string | null>(null);
  const [savings, setSavings] = useState(0);
  return (
    <section className={`${page["card"]} ${classes["card"]}`} aria-label="The shop">
      <div>
        <h2>The shop</h2>
        <p className={page["note"]}>
          An order that is given at an appliance with one touch is posted to the shop, which charges and delivers it.
          Each is signed with a key that both know, and carries an id by which the shop knows it again, however often it
          comes: what the shop does not answer is sent again for a day. No card data comes here.
        </p>
      </div>
      <QuestionNotice question={question} />
      {question.data === undefined ? (
        question.error === null && <Skeleton height={160} />
      ) : (
        <Editor
          // After saving it begins anew, without the key.
          key={savings}
          shop={question.data.shop}
          onSaved={(sent) => {
            setSecret(sent);
            setSavings(savings + 1);
          }}
        />
      )}
      <Dialog title="The shop’s key" opened={secret !== null} onClose={() => setSecret(null)}>
        {secret !== null && (
          <SecretOnce what="Key of the shop" secret={secret} onDone={() => setSecret(null)}>
            The shop checks the signature of each order with it, as Standard Webhooks says, and so knows that it comes
            from here.
          </SecretOnce>
        )}
      </Dialog>
    </section>
  );
}

const begunOf = (shop: LoyaltyShop): Begun<ShopDraft> => ({
  version: shop.version,
  draft: shopDraftOf(shop),
  createdAtMs: shop.changedAtMs,
  createdBy: shop.changedBy,
});

interface EditorProps {
  /** Null: there is none yet. */
  shop: LoyaltyShop | null;
  onSaved: (secret: string) => void;
}

function Editor({ shop, onSaved }: EditorProps) {
  const { definition, meanwhile, part, saving } = useEditor({
    newest: shop === null ? begunNew(noShop) : begunOf(shop),
    right: "loyalty.shop",
    about: shopQuery.queryKey,
    definitionOf: shopOf,
    wrongsBefore: shopWrongs,
    pathOf: () => shopPath,
    mayRepeat: true,
    onSaved: (_saved, sent) => onSaved(shopOf(sent).secret),
  });
  return (
    <form className={page["form"]} autoComplete="off">
      {shop === null && <p>There is no shop yet: orders cannot be taken, and are given up after a day.</p>}
      {(shop !== null || !part.readOnly) && <Address {...part} />}
      {!part.readOnly && <Key {...part} />}
      {shop !== null && <SetBy version={shop.version} by={shop.changedBy} atMs={shop.changedAtMs} />}
      {!part.readOnly && (
        <Save
          {...saving}
          label={shop === null ? "Send orders there" : "Save the shop"}
          meanwhile={
            <Meanwhile {...meanwhile} saysOf={({ version, draft }) => receiverSays(version, draft.url)}>
              {({ draft }) => <Address {...asTheirs} draft={draft} />}
            </Meanwhile>
          }
          confirm={
            shop === null
              ? null
              : {
                  title: "Change the shop?",
                  body: (
                    <>
                      <p>
                        From now on orders go to <strong className={classes["address"]}>{definition.url}</strong>,
                        signed with the key that you gave. The key before ends at once.
                      </p>
                      <p className={page["note"]}>
                        Orders that were sent and not answered are sent there too: where it is another shop, see to it
                        that nobody is charged twice.
                      </p>
                    </>
                  ),
                }
          }
        />
      )}
    </form>
  );
}

const Address = (part: PartProps<ShopDraft>) => (
  <TextField
    label="Address of the shop"
    description="https, and in the internet"
    max={2_000}
    {...fieldsOf(part)("url")}
  />
);

function Key(part: PartProps<ShopDraft>) {
  return (
    <div className={form["row"]}>
      <TextField
        label="Key that signs orders"
        description="The one that the shop gave you, or a new one for it. It is given with every change, since nobody can read the one before."
        placeholder="whsec_…"
        max={134}
        {...fieldsOf(part)("secret")}
      />
      <Button
        variant="default"
        onClick={() => part.onChange({ secret: keyOf(crypto.getRandomValues(new Uint8Array(keyBytes))) })}
      >
        Make a key
      </Button>
    </div>
  );
}
