import { Button, Menu, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { contentQuery } from "../../api/content-queries.ts";
import type { ContentKind, ContentSummary } from "../../api/content-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { contentClassWords, contentKindWords, versionStateWords } from "../../core/content.ts";
import { type ContentSearch, contentSearch } from "../../core/content-url.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { By } from "../../parts/by.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";
import { ImportRecipe } from "./import-recipe.tsx";
import classes from "./content.module.css";

const route = getRouteApi("/content");

/** The library: all that may be said to households, in every state. */
export function ContentPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(contentQuery(search));
  const mayWrite = useRights()?.may("content.write") === true;
  const isFiltered = Object.entries(search).some(([name, value]) => name !== "cursor" && value !== undefined);
  return (
    <div className={page["page"]}>
      <title>Content · Hearth</title>
      <div className={page["head"]}>
        <h1>Content</h1>
        {mayWrite && <WriteMenu />}
      </div>
      <EngagementTabs current="content" />
      <Filters search={search} />
      <Paged
        question={question}
        cursor={search.cursor}
        onCursor={(cursor) => void navigate({ to: "/content", search: { ...search, cursor } })}
        words={(count) => plural(count, "item")}
        height={320}
        none={<NoContent isFiltered={isFiltered} />}
      >
        {(items) => (
          <ul className={classes["list"]} aria-label="Library">
            {items.map((item) => (
              <Item key={item.id} item={item} />
            ))}
          </ul>
        )}
      </Paged>
    </div>
  );
}

const kinds = Object.entries(contentKindWords);

function WriteMenu() {
  const [isImporting, setImporting] = useState(false);
  const navigate = useNavigate();
  const write = (kind: ContentKind) => void navigate({ to: "/content/$id", params: { id: "new" }, search: { kind } });
  return (
    <div className={page["actions"]}>
      <Button variant="default" onClick={() => setImporting(true)}>
        Import a recipe…
      </Button>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <Button>Write…</Button>
        </Menu.Target>
        <Menu.Dropdown>
          {kinds.map(([kind, words]) => (
            <Menu.Item key={kind} onClick={() => write(contentSearch({ kind }).kind ?? "tip")}>
              {words}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <ImportRecipe opened={isImporting} onClose={() => setImporting(false)} />
    </div>
  );
}

const options = (all: string, words: [string, string][]) => [
  { value: "", label: all },
  ...words.map(([value, label]) => ({ value, label })),
];
const states = Object.entries(versionStateWords).map(([state, { words }]): [string, string] => [state, words]);

function Filters({ search }: { search: ContentSearch }) {
  const navigate = useNavigate();
  const set = (part: Record<string, string | undefined>) =>
    void navigate({ to: "/content", search: contentSearch({ ...search, cursor: undefined, ...part }), replace: true });
  return (
    <search className={page["filters"]}>
      <TypedFilter label="Title" value={search.q} onChange={(q) => set({ q })} />
      <NativeSelect
        label="Kind"
        value={search.kind ?? ""}
        onChange={(event) => set({ kind: event.currentTarget.value })}
        data={options("All kinds", kinds)}
      />
      <NativeSelect
        label="State"
        value={search.state ?? ""}
        onChange={(event) => set({ state: event.currentTarget.value })}
        data={options("All states", states)}
      />
      <NativeSelect
        label="Class"
        value={search.class ?? ""}
        onChange={(event) => set({ class: event.currentTarget.value })}
        data={options("All classes", Object.entries(contentClassWords))}
      />
      <TypedFilter label="Language" value={search.locale} onChange={(locale) => set({ locale })} />
    </search>
  );
}

function Item({ item }: { item: ContentSummary }) {
  const { id, title, kind, state, version, liveVersion, locales, publishedTo, isShareable } = item;
  const { words, tone } = versionStateWords[state];
  return (
    <li className={classes["item"]}>
      <div className={classes["itemHead"]}>
        <h2>
          <Link to="/content/$id" params={{ id }} search={{}} className={page["link"] ?? ""}>
            {title}
          </Link>
        </h2>
        <StateMark tone={tone}>
          {words}
          {liveVersion !== null && liveVersion !== version && `; version ${liveVersion} is live`}
        </StateMark>
      </div>
      <p className={classes["facts"]}>
        <span>
          {contentKindWords[kind]}, {contentClassWords[item.class].toLowerCase()}
        </span>
        <span>{locales.join(", ")}</span>
        {publishedTo.length > 0 && <span>On the feed of {publishedTo.join(", ")}</span>}
        <span>{isShareable ? "May be passed on" : "Private"}</span>
        <span>
          Version {version}, begun <Ago atMs={item.createdAtMs} /> <By principal={item.createdBy} />
        </span>
      </p>
    </li>
  );
}

const NoContent = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty title="Nothing matches">
      <p>
        Take a filter away, or{" "}
        <Link to="/content" search={{}}>
          look at the whole library
        </Link>
        .
      </p>
    </Empty>
  ) : (
    <Empty title="Nothing is written yet">
      <p>
        Recipes, tips, notices, messages and offers begin as a draft. Somebody else than their author reads and approves
        them; then they are scheduled. Recipes, tips and notices go on the feeds of appliances; messages and offers
        reach households through campaigns. Begin with a recipe: write one, or import it from a page that has it as
        JSON-LD.
      </p>
    </Empty>
  );
