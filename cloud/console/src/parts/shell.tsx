import { Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { flushSync } from "react-dom";
import { queueCountsQuery } from "../api/case-queries.ts";
import { alertsQuery, expiringQuery, meQuery } from "../api/queries.ts";
import { session } from "../api/session.ts";
import { useRights } from "../api/rights.ts";
import { plural } from "../core/numbers.ts";
import { Dialog } from "./dialog.tsx";
import { engagementPaths } from "./engagement-tabs.tsx";
import { Mark, PersonIcon, SearchIcon } from "./icons.tsx";
import { useInView } from "./in-view.ts";
import { useChord, useKeys } from "./keys.ts";
import { SearchPalette } from "./search-palette.tsx";
import classes from "./shell.module.css";

/** What every page stands in: the bar, the keys that work everywhere, and the page. */
export function Shell() {
  const [helpShown, setHelpShown] = useState(false);
  const [searching, setSearching] = useState(false);
  // At once, so that what is typed next goes into the field.
  const search = () => flushSync(() => setSearching(true));
  useKeys({ "/": search, "?": () => setHelpShown(true) });
  useChord("k", search);

  return (
    <>
      <a className={classes["skip"]} href="#main">
        Skip to the page
      </a>
      <header className={classes["bar"]}>
        <div className={classes["inner"]}>
          <Link to="/" className={classes["brand"]} aria-label="Hearth: overview">
            <Mark />
            <span className={classes["word"]}>Hearth</span>
          </Link>
          <Pages />
          <div className={classes["room"]} />
          <button type="button" className={classes["find"]} onClick={() => setSearching(true)}>
            <SearchIcon />
            <span className={classes["findWords"]}>Search</span>
            <kbd className={classes["key"]} aria-hidden="true">
              /
            </kbd>
          </button>
          <Account onHelp={() => setHelpShown(true)} />
        </div>
      </header>
      <main id="main" className={classes["main"]} tabIndex={-1}>
        <Outlet />
      </main>
      <SearchPalette opened={searching} onClose={() => setSearching(false)} />
      <Dialog title="Keys" opened={helpShown} onClose={() => setHelpShown(false)}>
        <KeysHelp />
      </Dialog>
    </>
  );
}

/** The bar of pages. Where they do not all fit, the current one is in view. */
function Pages() {
  const bar = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const role = useRights()?.role;
  useInView(bar, `[data-status="active"], .${classes["within"]}`, `${pathname} ${role}`);
  return (
    <nav ref={bar} className={classes["nav"]} aria-label="Pages">
      <Link to="/" className={classes["link"]} activeOptions={{ exact: true }}>
        Overview
      </Link>
      <Link
        to="/devices"
        search={{}}
        activeOptions={{ includeSearch: false }}
        className={`${classes["link"]} ${/^\/models(\/|$)/.test(pathname) ? classes["within"] : ""}`}
      >
        Appliances
      </Link>
      <CasesLink />
      <Link to="/releases" search={{}} activeOptions={{ includeSearch: false }} className={classes["link"]}>
        Releases
      </Link>
      <Link to="/rollouts" search={{}} activeOptions={{ includeSearch: false }} className={classes["link"]}>
        Rollouts
      </Link>
      <EngagementLink />
      <WatchLinks />
    </nav>
  );
}

/** The queue, with how many cases are overdue. */
function CasesLink() {
  const overdue = useQuery(queueCountsQuery({})).data?.overdue ?? 0;
  const isService = /^\/(incidents|rules|causes|answers|notices)(\/|$)/.test(useLocation().pathname);
  return (
    <Link
      to="/cases"
      search={{}}
      activeOptions={{ includeSearch: false }}
      className={`${classes["link"]} ${isService ? classes["within"] : ""}`}
    >
      Cases
      {overdue > 0 && <Badge count={overdue} words={`${plural(overdue, "case")} overdue`} />}
    </Link>
  );
}

/** What is said to households, and what they earn: one link, whose pages stand beside each other. */
function EngagementLink() {
  const within = engagementPaths.test(useLocation().pathname);
  return (
    <Link
      to="/content"
      search={{}}
      activeOptions={{ includeSearch: false }}
      className={`${classes["link"]} ${within ? classes["within"] : ""}`}
    >
      Engagement
    </Link>
  );
}

/** The pages that may need eyes, with how much there is to see; each for the roles that may see it. */
function WatchLinks() {
  const rights = useRights();
  const mayWatch = rights?.may("security.read") === true;
  const alerts = useQuery({ ...alertsQuery, enabled: mayWatch }).data?.items.length ?? 0;
  const mayProvision = rights?.may("provisioning.read") === true;
  const expiring = useQuery({ ...expiringQuery, enabled: mayProvision }).data?.items.length ?? 0;
  return (
    <>
      {mayProvision && (
        <Link to="/provisioning" search={{}} activeOptions={{ includeSearch: false }} className={classes["link"]}>
          Provisioning
          {expiring > 0 && (
            <Badge mild count={expiring} words={`${plural(expiring, "certificate")} to end within 30 days`} />
          )}
        </Link>
      )}
      {mayWatch && (
        <Link to="/security" search={{}} activeOptions={{ includeSearch: false }} className={classes["link"]}>
          Security
          {alerts > 0 && <Badge count={alerts} words={`${plural(alerts, "alert")} in the last hour`} />}
        </Link>
      )}
    </>
  );
}

/** A page asks for one look of up to a hundred; more than that is more than anybody counts. */
const badgeCountMax = 99;

const Badge = ({ count, words, mild = false }: { count: number; words: string; mild?: boolean }) => (
  <span className={`${classes["badge"]} ${mild ? classes["mild"] : ""}`} title={words}>
    <span aria-hidden="true">{count > badgeCountMax ? `${badgeCountMax}+` : count}</span>
    <span className="hidden">, {words}</span>
  </span>
);

function Account({ onHelp }: { onHelp: () => void }) {
  const me = useQuery(meQuery).data;
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <button type="button" className={classes["account"]}>
          <PersonIcon />
          <span className="hidden">Your key </span>
          {me !== undefined && (
            <span className={classes["accountWords"]}>
              <span className={classes["keyName"]}>{me.name}</span> <span className={classes["role"]}>{me.role}</span>
            </span>
          )}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {me !== undefined && (
          <Menu.Label>
            Key “{me.name}”, role {me.role}
          </Menu.Label>
        )}
        <Menu.Item onClick={onHelp}>Keyboard</Menu.Item>
        <Menu.Item component="a" href="/api/docs/">
          API reference
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => session.end(false)}>Sign out and forget the key</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const keys: readonly (readonly [string[], string])[] = [
  [["/", "Ctrl K"], "Search: appliances, people, cases, releases, models"],
  [["j", "k"], "Next and previous: in lists, in a timeline, and from case to case"],
  [["e", "Enter"], "Open what is chosen"],
  [["a"], "Take the case that is chosen, or open"],
  [["x", "X"], "In the queue: choose a case for something to be done to many; choose all up to it"],
  [["r", "n", "m"], "In a case: answer the owner; write a note; merge it into another"],
  [["u"], "From a case back to the queue"],
  [["←", "→"], "Move along the chart, once it is chosen; with Shift, move the range"],
  [["+", "−", "0"], "Look closer at the chart, see more of it, go back to live"],
  [["Esc"], "Let go of the entry that is selected; close this"],
  [["?"], "Show this"],
];

function KeysHelp() {
  return (
    <>
      <dl className={classes["keys"]}>
        {keys.map(([names, what]) => (
          <div key={what} style={{ display: "contents" }}>
            <dt>
              {names.map((name) => (
                <span key={name}>
                  <kbd>{name}</kbd>{" "}
                </span>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className={classes["note"]}>
        Filters, ranges and what is selected are in the address: a link shows others what you see.
      </p>
    </>
  );
}
