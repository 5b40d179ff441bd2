import { type RefObject, useEffect } from "react";

/**
 * Moves a bar that may be wider than the screen to its current link. The page itself stays where it is.
 *
 * @param current finds the link in the bar
 * @param key differs when another link is the current one, or when there are others beside it
 */
export function useInView(bar: RefObject<HTMLElement | null>, current: string, key: string): void {
  useEffect(() => {
    const link = bar.current?.querySelector(current);
    if (bar.current === null || link === null || link === undefined) return;
    const [of, within] = [link.getBoundingClientRect(), bar.current.getBoundingClientRect()];
    if (of.left >= within.left && of.right <= within.right) return;
    bar.current.scrollLeft += of.left - within.left - (within.width - of.width) / 2;
  }, [bar, current, key]);
}
