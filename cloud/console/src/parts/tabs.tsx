import { Link, type LinkProps } from "@tanstack/react-router";
import { useRef } from "react";
import { useInView } from "./in-view.ts";
import classes from "./tabs.module.css";

export interface Tab {
  words: string;
  link: Pick<LinkProps, "to" | "params" | "search">;
  current: boolean;
}

/**
 * The parts of a page, each with its own address: links, so that they open in another window and go back. The current one is in view
 * where they do not all fit.
 */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const bar = useRef<HTMLElement>(null);
  useInView(bar, "[aria-current]", tabs.map(({ words, current }) => `${words} ${current}`).join());
  return (
    <nav ref={bar} className={classes["tabs"]} aria-label={label}>
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
