import type { Market } from "../api/content-shapes.ts";
import { fallbackWords } from "../core/content.ts";
import classes from "./markets.module.css";
import page from "./page.module.css";

/** Which text the readers of each locale really get. */
export function Markets({ markets }: { markets: readonly (Omit<Market, "onFeed"> & { onFeed?: boolean })[] }) {
  return (
    <section className={page["card"]} aria-label="What each market reads">
      <h2>What each market reads</h2>
      <table className={classes["markets"]}>
        <thead>
          <tr>
            <th scope="col">Market</th>
            <th scope="col">Reads</th>
            <th scope="col">Because it is</th>
          </tr>
        </thead>
        <tbody>
          {markets.map(({ locale, reads, because, onFeed = true }) => (
            <tr key={locale}>
              <th scope="row">{locale}</th>
              <td>{reads}</td>
              <td>
                {fallbackWords[because]}
                {!onFeed && <span className={page["mind"]}>; not on its feed</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
