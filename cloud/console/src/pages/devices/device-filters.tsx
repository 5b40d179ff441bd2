import type { Model } from "#protocol/model.ts";
import { Button, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { DeviceListSearch } from "../../core/url-state.ts";
import { SearchIcon } from "../../parts/icons.tsx";
import classes from "./devices.module.css";

/** How long to wait for the next letter. */
const typingMs = 250;

const connections = [
  { value: "", label: "All" },
  { value: "true", label: "Online" },
  { value: "false", label: "Offline" },
];

/** The filters are the address: each change rewrites it, and begins at the first page. */
export function DeviceFilters({ search, models }: { search: DeviceListSearch; models: readonly Model[] }) {
  const navigate = useNavigate();
  const change = (part: Partial<DeviceListSearch>) =>
    void navigate({
      to: "/devices",
      search: (now) => ({ ...now, ...part, cursor: undefined }),
      replace: true,
    });
  return (
    <search className={classes["filters"]}>
      <SearchField q={search.q ?? ""} onChange={(q) => change({ q: q === "" ? undefined : q })} />
      <NativeSelect
        label="Model"
        size="sm"
        value={search.model ?? ""}
        onChange={(event) =>
          change({ model: event.currentTarget.value === "" ? undefined : event.currentTarget.value })
        }
        data={[{ value: "", label: "All models" }, ...models.map(({ key, name }) => ({ value: key, label: name }))]}
      />
      <SegmentedControl
        aria-label="Connection"
        size="sm"
        value={search.online ?? ""}
        onChange={(value) => change({ online: value === "true" || value === "false" ? value : undefined })}
        data={connections}
      />
      <Chosen search={search} onChange={change} />
    </search>
  );
}

/** Filters that come with a link from another page; each can be let go of. */
function Chosen({
  search,
  onChange,
}: {
  search: DeviceListSearch;
  onChange: (part: Partial<DeviceListSearch>) => void;
}) {
  const chosen: [keyof DeviceListSearch, string][] = [
    ["version", `Firmware ${search.version ?? ""}`],
    ["tag", `Tagged ${search.tag ?? ""}`],
    ["country", `In ${search.country ?? ""}`],
  ];
  const set = chosen.filter(([name]) => search[name] !== undefined);
  if (set.length === 0) return null;
  return (
    <div className={classes["chosen"]}>
      {set.map(([name, words]) => (
        <Button key={name} variant="default" size="sm" onClick={() => onChange({ [name]: undefined })}>
          {words} <span aria-hidden="true">&nbsp;×</span>
          <span className="hidden">, let go of this filter</span>
        </Button>
      ))}
    </div>
  );
}

function SearchField({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const [text, setText] = useState(q);
  const said = useRef(q);
  const say = useDebouncedCallback((typed: string) => {
    said.current = typed;
    onChange(typed);
  }, typingMs);

  // The address also changes by links and by going back; what is being typed at this moment is not touched.
  useEffect(() => {
    if (q === said.current) return;
    said.current = q;
    setText(q);
  }, [q]);

  return (
    <TextInput
      type="search"
      label="Find by id or serial number"
      size="sm"
      autoComplete="off"
      spellCheck={false}
      maxLength={64}
      leftSection={<SearchIcon />}
      value={text}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        say(typed.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          // Chromium would empty the field, and the list behind it would be everybody's again.
          event.preventDefault();
          event.currentTarget.blur();
        }
        if (event.key === "Enter") document.querySelector<HTMLElement>("[data-row-link]")?.focus();
      }}
    />
  );
}
