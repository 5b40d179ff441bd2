import type { CauseArticle } from "../api/case-shapes.ts";
import { useRights } from "../api/rights.ts";
import { CauseLink } from "./cause-link.tsx";
import classes from "./matter.module.css";
import page from "./page.module.css";

interface WhatToDoProps {
  known: CauseArticle | null;
  cause: string;
  model: string | null;
}

/** What is known of the cause: what staff should do, the part, and the article as the owner reads it. */
export function WhatToDo({ known, cause, model }: WhatToDoProps) {
  const mayWrite = useRights()?.may("causes.write") === true;
  if (known === null)
    return (
      <section className={page["card"]} aria-label="What to do">
        <h2>What to do</h2>
        <p className={page["note"]}>
          Nothing is written about this cause yet. What you find out helps the next case of its kind: a suggested fix,
          the part, and an article for the owner.
        </p>
        {mayWrite && (
          <p>
            <CauseLink cause={cause} model={model}>
              Write it down
            </CauseLink>
          </p>
        )}
      </section>
    );
  const article = known.article["en"] ?? Object.values(known.article)[0];
  return (
    <section className={page["card"]} aria-label="What to do">
      <h2>What to do</h2>
      <p className={classes["fix"]}>{known.fix}</p>
      {known.part !== null && (
        <p>
          <span className={page["soft"]}>Part that mends it most often: </span>
          {known.part.name} <code>{known.part.number}</code>
        </p>
      )}
      {article !== undefined && (
        <details className={page["more"]}>
          <summary>What the owner reads: “{article.title}”</summary>
          <p className={classes["article"]}>{article.text}</p>
        </details>
      )}
      {mayWrite && (
        <p>
          <CauseLink cause={cause} model={model}>
            Change what is written about it
          </CauseLink>
        </p>
      )}
    </section>
  );
}
