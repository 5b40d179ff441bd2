import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { diffQuery } from "../../api/content-queries.ts";
import type { ContentDetail } from "../../api/content-shapes.ts";
import { fieldWords, valueWords } from "../../core/content-fields.ts";
import { stepWords, versionStateWords } from "../../core/content.ts";
import { Ago } from "../../parts/ago.tsx";
import { By } from "../../parts/by.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./content.module.css";

/** Every version, what changed from one to another, and what became of each. */
export function Versions({ item }: { item: ContentDetail }) {
  const [to, setTo] = useState(item.version);
  const [from, setFrom] = useState(item.liveVersion ?? Math.max(item.version - 1, 1));
  const question = useQuery(diffQuery(item.id, from, to));
  const choices = item.versions.map(({ version, state }) => ({
    value: String(version),
    label: `Version ${version} (${versionStateWords[state].words.toLowerCase()})`,
  }));
  return (
    <>
      <section className={page["card"]} aria-label="What changed">
        <h2>What changed</h2>
        <div className={classes["pair"]}>
          <NativeSelect
            label="From"
            value={String(from)}
            onChange={(event) => setFrom(Number(event.currentTarget.value))}
            data={choices}
          />
          <NativeSelect
            label="To"
            value={String(to)}
            onChange={(event) => setTo(Number(event.currentTarget.value))}
            data={choices}
          />
        </div>
        <QuestionNotice question={question} />
        {from >= to ? (
          <p className={page["soft"]}>
            {item.versions.length === 1 ? "There is one version so far." : "Choose an earlier version to compare from."}
          </p>
        ) : question.data?.fields.length === 0 ? (
          <p className={page["soft"]}>Nothing differs.</p>
        ) : (
          question.data?.fields.map(({ pointer, parts }) => (
            <div key={pointer}>
              <h3>{fieldWords(pointer)}</h3>
              <p className={`${page["quoted"]} ${classes["diff"]}`}>
                {parts.map(({ kind, text }, at) =>
                  kind === "same" ? (
                    // oxlint-disable-next-line react/no-array-index-key -- the parts of one text, in their order
                    <span key={at}>{valueWords(pointer, text)}</span>
                  ) : kind === "added" ? (
                    // oxlint-disable-next-line react/no-array-index-key -- as above
                    <ins key={at}>{valueWords(pointer, text)}</ins>
                  ) : (
                    // oxlint-disable-next-line react/no-array-index-key -- as above
                    <del key={at}>{valueWords(pointer, text)}</del>
                  ),
                )}
              </p>
            </div>
          ))
        )}
      </section>
      <section className={page["card"]} aria-label="Versions">
        <h2>Versions</h2>
        <ul className={classes["limits"]}>
          {item.versions.map(({ version, state, createdAtMs, createdBy }) => (
            <li key={version}>
              <StateMark tone={versionStateWords[state].tone}>
                Version {version}: {versionStateWords[state].words.toLowerCase()}
              </StateMark>{" "}
              <span className={page["soft"]}>
                saved <Ago atMs={createdAtMs} /> <By principal={createdBy} />
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section className={page["card"]} aria-label="What happened">
        <h2>What happened</h2>
        {item.steps.length === 0 && (
          <p className={page["soft"]}>Nothing yet: hand it in for review when it is ready.</p>
        )}
        <ul className={classes["limits"]}>
          {item.steps.map(({ version, atMs, event, by, note }) => (
            <li key={`${version} ${event} ${atMs}`}>
              Version {version}: {stepWords[event] ?? event} <Ago atMs={atMs} /> <By principal={by} />
              {note !== null && <p className={page["soft"]}>“{note}”</p>}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
