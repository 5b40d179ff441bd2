import { Link } from "@tanstack/react-router";
import type { UnfitRecipe } from "../../api/model-queries.ts";
import page from "../../parts/page.module.css";
import classes from "./models.module.css";

/** Recipes, with why each does not fit where that is known. */
export function Recipes({ recipes }: { recipes: readonly (Omit<UnfitRecipe, "why"> & { why?: readonly string[] })[] }) {
  return (
    <ul className={classes["recipes"]}>
      {recipes.map(({ id, title, why = [] }) => (
        <li key={id}>
          <Link to="/content/$id" params={{ id }}>
            {title}
          </Link>
          {why.length > 0 && <span className={page["soft"]}> {why.join("; ")}</span>}
        </li>
      ))}
    </ul>
  );
}
