import { Link, type LinkProps } from "@tanstack/react-router";
import classes from "./tabs.module.css";

export interface Tab {
  words: string;
  link: Pick<LinkProps, "to" | "params" | "search">;
  current: boolean;
}

/** The parts of a page, each with its own address: links, so that they open in another window and go back. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav className={classes["tabs"]} aria-label={label}>
      {tabs.map(({ words, link, current }) => (
        <Link
          key={words}
          {...link}
          className={classes["tab"]}
          data-current={current}
          {...(current ? { "aria-current": "page" } : { "aria-current": undefined })}
          resetScroll={false}
        >
          {words}
        </Link>
      ))}
    </nav>
  );
}
