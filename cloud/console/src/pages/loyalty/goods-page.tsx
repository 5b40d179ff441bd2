import { Skeleton } from "@mantine/core";
import { useQuery, type UseQueryOptions } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { loyaltyKey, programQuery } from "../../api/loyalty-queries.ts";
import type { Tier } from "../../api/loyalty-shapes.ts";
import { begunNew, begunWith, type Defined } from "../../core/begun.ts";
import { keyFrom, type Wrongs } from "../../core/field-wrongs.ts";
import { Empty } from "../../parts/empty.tsx";
import { asTheirs, ChoiceField, type PartProps } from "../../parts/fields.tsx";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Save } from "../../parts/save.tsx";
import { useEditor } from "../../parts/use-editor.ts";
import { EditorHead } from "./frame.tsx";
import classes from "./loyalty.module.css";

interface Goods<Definition> extends Defined<Definition> {
  key: string;
}

export type GoodsFieldsProps<Draft, Item> = PartProps<Draft> & {
  tiers: readonly Tier[];
  /** As it is in force; null: it is new. */
  saved: Item | null;
};

/** What the program has for households, a reward or an offer: how it is loaded, written, checked and saved. */
export interface GoodsKind<Draft, Definition, Item extends Goods<Definition>> {
  noun: string;
  /** What it does for households. */
  note: string;
  make: string;
  query: UseQueryOptions<{ items: Item[] }, Error, { items: Item[] }, string[]>;
  pathOf: (key: string) => string;
  none: Draft;
  draftOf: (definition: Definition) => Draft;
  definitionOf: (draft: Draft) => Definition;
  wrongsBefore: (draft: Draft) => Wrongs;
  /** What whoever changes it has to read before; null: nothing. */
  confirm: (before: Definition, after: Definition) => { title: string; body: string } | null;
  Fields: ComponentType<GoodsFieldsProps<Draft, Item>>;
}

interface GoodsPageProps<Draft, Definition, Item extends Goods<Definition>> {
  kind: GoodsKind<Draft, Definition, Item>;
  /** Of the one that is shown; `new`: one that is not there yet. */
  goodsKey: string;
}

/** One reward or one offer, in fields. */
export function GoodsPage<
  Draft extends { title: string },
  Definition extends { title: string },
  Item extends Goods<Definition>,
>({ kind, goodsKey }: GoodsPageProps<Draft, Definition, Item>) {
  const question = useQuery({ ...kind.query, refetchInterval: false });
  const program = useQuery({ ...programQuery, refetchInterval: false });
  const items = question.data?.items;
  if (items === undefined || program.data === undefined)
    return (
      <div className={page["page"]}>
        <QuestionNotice question={question.error === null ? program : question} />
        {question.error === null && program.error === null && <Skeleton height={420} radius={10} />}
      </div>
    );
  const saved = items.find(({ key }) => key === goodsKey) ?? null;
  if (goodsKey !== "new" && saved === null)
    return (
      <Empty title={`There is no such ${kind.noun}`}>
        <p>
          The <Link to="/loyalty">loyalty page</Link> has all of them.
        </p>
      </Empty>
    );
  return (
    <Editor
      key={goodsKey}
      kind={kind}
      saved={saved}
      tiers={program.data.definition.tiers}
      taken={items.map(({ key }) => key)}
    />
  );
}

interface EditorProps<Draft, Definition, Item extends Goods<Definition>> {
  kind: GoodsKind<Draft, Definition, Item>;
  saved: Item | null;
  tiers: readonly Tier[];
  /** Keys of what is there already. */
  taken: readonly string[];
}

function Editor<Draft extends { title: string }, Definition extends { title: string }, Item extends Goods<Definition>>({
  kind,
  saved,
  tiers,
  taken,
}: EditorProps<Draft, Definition, Item>) {
  const navigate = useNavigate();
  const { noun, Fields } = kind;
  const keyOf = ({ title }: Draft) => saved?.key ?? keyFrom(title);
  const { definition, begun, meanwhile, part, saving } = useEditor({
    newest: saved === null ? begunNew(kind.none) : begunWith(saved, kind.draftOf),
    right: "loyalty.rules",
    about: loyaltyKey,
    definitionOf: kind.definitionOf,
    pathOf: (draft) => kind.pathOf(keyOf(draft)),
    wrongsBefore: (draft) => {
      const wrongs = new Map(kind.wrongsBefore(draft));
      if (saved === null && taken.includes(keyOf(draft)))
        wrongs.set("/title", `There is already one of this name: choose another for this ${noun}.`);
      return wrongs;
    },
    onSaved: () => navigate({ to: "/loyalty" }),
  });
  const confirm = saved === null ? null : kind.confirm(saved.definition, definition);
  return (
    <div className={page["page"]}>
      <EditorHead title={saved?.definition.title ?? `New ${noun}`}>{kind.note}</EditorHead>
      <form className={`${page["card"]} ${classes["narrow"]}`} aria-label={`The ${noun}`}>
        <Fields key={begun} {...part} tiers={tiers} saved={saved} />
        {!part.readOnly && (
          <Save
            {...saving}
            label={saved === null ? kind.make : "Save the changes"}
            meanwhile={
              <Meanwhile {...meanwhile}>
                {({ draft }) => <Fields {...asTheirs} draft={draft} tiers={tiers} saved={saved} />}
              </Meanwhile>
            }
            confirm={confirm === null ? null : { title: confirm.title, body: <p>{confirm.body}</p> }}
          />
        )}
      </form>
    </div>
  );
}

type TierFieldProps = Omit<Parameters<typeof ChoiceField<string>>[0], "data"> & { tiers: readonly Tier[] };

/** From which tier on; "" everybody. */
export const TierField = ({ tiers, ...rest }: TierFieldProps) => (
  <ChoiceField
    {...rest}
    data={[
      { value: "", label: "everybody" },
      ...tiers.slice(1).map(({ key, title }) => ({ value: key, label: `${title} and above` })),
    ]}
  />
);
