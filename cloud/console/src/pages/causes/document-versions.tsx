import type { WrittenVersion } from "../../api/support-shapes.ts";
import { changesBetween, changeWords } from "../../core/changes.ts";
import { Ago } from "../../parts/ago.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import classes from "./causes.module.css";

/** What was said when, with what each version changed. @param versions newest first */
export function DocumentVersions({ versions }: { versions: readonly WrittenVersion<object>[] }) {
  if (versions.length === 0) return null;
  return (
    <section className={page["card"]} aria-label="Versions">
      <h2>Versions</h2>
      <ol className={classes["versions"]} reversed>
        {versions.map(({ version, definition, createdBy, createdAtMs }, at) => (
          <li key={version}>
            <details>
              <summary>
                Version {version}
                {definition === null && ": withdrawn"}
                <span className={classes["small"]}>
                  , <Who principal={createdBy} />, <Ago atMs={createdAtMs} />
                </span>
              </summary>
              <Changes
                before={versions.slice(at + 1).find((one) => one.definition !== null)?.definition ?? null}
                now={definition}
              />
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Changes({ before, now }: { before: object | null; now: object | null }) {
  if (now === null)
    return <p className={page["note"]}>From then on nothing was in force. What stood before can be read below.</p>;
  const changes = changesBetween(before ?? {}, now);
  if (changes.length === 0) return <p className={page["note"]}>It says the same as before.</p>;
  return (
    <ul>
      {changes.map((change) => (
        <li key={change.place}>
          <code>{change.place}</code> {changeWords(change)}
        </li>
      ))}
    </ul>
  );
}
