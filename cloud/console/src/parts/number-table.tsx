import classes from "./number-table.module.css";

interface NumberTableProps {
  label: string;
  heads: readonly string[];
  rows: readonly {
    key: number;
    /** What its figures are of. */
    of: string;
    /** As many as there are heads but for the first. */
    cells: readonly string[];
  }[];
}

/** A chart in figures, for whoever reads or listens. */
export const NumberTable = ({ label, heads, rows }: NumberTableProps) => (
  <div className={classes["box"]} tabIndex={0} role="region" aria-label={label}>
    <table className={`${classes["table"]} numbers`}>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, of, cells }) => (
          <tr key={key}>
            <th scope="row">{of}</th>
            {cells.map((cell, at) => (
              <td key={heads[at + 1]}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
