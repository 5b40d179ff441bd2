import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { type AffectedDevice, componentsQuery } from "../../api/release-queries.ts";
import { plural } from "../../core/numbers.ts";
import type { ReleasesSearch } from "../../core/url-state.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import classes from "./releases.module.css";

const columns: readonly Column<AffectedDevice>[] = [
  {
    name: "Appliance",
    lead: true,
    cell: ({ deviceId }) => (
      <Link to="/devices/$id" params={{ id: deviceId }} search={{}}>
        {deviceId}
      </Link>
    ),
  },
  { name: "Model", cell: ({ model }) => model },
  { name: "Firmware", cell: ({ version }) => version },
  {
    name: "Component",
    cell: ({ component, certain }) =>
      `${component.name} ${component.version ?? "of a version that nobody said"}${certain ? "" : " (perhaps)"}`,
  },
];

/** Who runs a component below a version: what a CVE asks. */
export function Components({ search }: { search: ReleasesSearch }) {
  const { component = "", below = "", cursor } = search;
  const navigate = useNavigate();
  const question = useQuery(componentsQuery(component, below, cursor));
  const found = question.data;
  return (
    <>
      <Search key={`${component} ${below}`} component={component} below={below} />
      <QuestionNotice question={question} />
      {component === "" || below === "" ? (
        <Empty title="Which appliances run the component with the hole?">
          <p>
            Name a component and the version that mends it. The parts lists (SBOM) of the releases say which ship an
            older one, and the appliances say which release they run.
          </p>
        </Empty>
      ) : (
        found !== undefined &&
        (found.items.length === 0 ? (
          <Empty title="No appliance runs it">
            <p>
              Of the releases with a parts list, none that an appliance reports ships {component} below {below}.
            </p>
          </Empty>
        ) : (
          <>
            {found.releases !== null && (
              <p className="numbers">
                {plural(
                  found.releases.reduce((sum, { devices }) => sum + devices, 0),
                  "appliance",
                )}{" "}
                of {plural(found.releases.length, "release")} run {component} below {below}.
              </p>
            )}
            <DataTable
              label="Appliances"
              columns={columns}
              rows={found.items}
              keyOf={({ deviceId, component: held }) => `${deviceId} ${held.name} ${held.version ?? ""}`}
              stale={question.isPlaceholderData}
            />
            <Pager
              words={plural(found.items.length, "line")}
              cursor={cursor}
              nextCursor={found.nextCursor}
              onCursor={(next) => void navigate({ to: "/releases", search: { ...search, cursor: next } })}
            />
          </>
        ))
      )}
    </>
  );
}

function Search({ component, below }: { component: string; below: string }) {
  const [name, setName] = useState(component);
  const [version, setVersion] = useState(below);
  const navigate = useNavigate();
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void navigate({
      to: "/releases",
      search: { tab: "components", component: name.trim(), below: version.trim() },
    });
  };
  return (
    <form className={`${page["card"]} ${classes["search"]}`} onSubmit={onSubmit}>
      <TextInput
        label="Component"
        placeholder="mbedtls"
        value={name}
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Below version"
        placeholder="3.6.2"
        value={version}
        maxLength={64}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setVersion(event.currentTarget.value)}
      />
      <Button type="submit" disabled={name.trim() === "" || version.trim() === ""}>
        Who runs it
      </Button>
    </form>
  );
}
