import { Modal } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { type KeyboardEvent, type MouseEvent, useEffect, useId, useRef, useState } from "react";
import { searchQuery } from "../api/support-queries.ts";
import type { Found, SearchAnswer } from "../api/support-shapes.ts";
import { plural } from "../core/numbers.ts";
import { askable, type FoundGroup, foundNames, groupFound } from "../core/search.ts";
import { FoundIcon, SearchIcon } from "./icons.tsx";
import { QuestionNotice } from "./notice.tsx";
import classes from "./search-palette.module.css";

/** How long the typing rests before it is asked for. */
const typingMs = 120;

/** Finds anything by what somebody has in hand, from every page. Arrow keys choose, Enter opens, Esc closes. */
export function SearchPalette({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal.Root opened={opened} onClose={onClose} size={640} yOffset="10vh" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content aria-label="Search">
        <Modal.Body className={classes["body"] ?? ""}>
          <Palette onClose={onClose} />
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function Palette({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const listId = useId();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  /** Enter was pressed before the answer to what is typed has come: the first find is opened when it does. */
  const [isHurrying, setHurrying] = useState(false);
  const wanted = askable(typed);
  const [rested] = useDebouncedValue(wanted, typingMs);
  const question = useQuery({ ...searchQuery(rested ?? ""), enabled: rested !== null });
  const isSettled = wanted !== null && wanted === rested && !question.isPlaceholderData && !question.isFetching;
  const answer = wanted === null ? undefined : question.data;
  const groups = groupFound(answer?.items ?? []);
  const shown = groups.flatMap(({ items }) => items.map(({ found }) => found));

  const go = ({ href }: Found) => {
    onClose();
    router.history.push(href);
  };
  useEffect(() => {
    if (!isHurrying || !isSettled) return;
    setHurrying(false);
    const best = shown[0];
    if (best !== undefined) go(best);
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      if (shown.length > 0) setChosen((chosen + step + shown.length) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const found = shown[chosen];
      if (isSettled && found !== undefined) go(found);
      else if (!isSettled && wanted !== null) setHurrying(true);
    }
  };
  const optionId = (at: number) => `${listId}-${at}`;
  return (
    <>
      <div className={classes["field"]}>
        <SearchIcon />
        <input
          data-autofocus
          // Whoever types on after the key that opens it loses no letter.
          autoFocus
          type="text"
          role="combobox"
          aria-label="Search"
          aria-expanded={shown.length > 0}
          aria-controls={listId}
          aria-activedescendant={shown.length > 0 ? optionId(chosen) : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          maxLength={100}
          placeholder="Serial number, name, e-mail address, case…"
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setChosen(0);
            setHurrying(false);
          }}
          onKeyDown={onKeyDown}
        />
        <button type="button" className={classes["esc"]} onClick={onClose}>
          <kbd>Esc</kbd>
          <span className="hidden"> closes the search</span>
        </button>
      </div>
      <QuestionNotice question={{ ...question, error: wanted === null ? null : question.error }} />
      <div id={listId} role="listbox" aria-label="Found" className={classes["list"]} data-stale={!isSettled}>
        {groups.map((group) => (
          <Group key={group.kind} group={group} chosen={chosen} optionId={optionId} onGo={go} onChoose={setChosen} />
        ))}
      </div>
      {shown.length === 0 && question.error === null && <Words typed={wanted} isSettled={isSettled} />}
      {answer !== undefined && isSettled && <Limits answer={answer} />}
      <p className="hidden" role="status">
        {isSettled && answer !== undefined ? `${plural(shown.length, "find")}.` : ""}
      </p>
    </>
  );
}

interface GroupProps {
  group: FoundGroup;
  chosen: number;
  optionId: (at: number) => string;
  onGo: (found: Found) => void;
  onChoose: (at: number) => void;
}

function Group({ group: { kind, items }, chosen, optionId, onGo, onChoose }: GroupProps) {
  return (
    <div role="group" aria-label={foundNames[kind]}>
      <p className={classes["kind"]} aria-hidden="true">
        {foundNames[kind]}
      </p>
      {items.map(({ found, at }) => (
        <Option
          key={`${kind}:${found.id}:${found.href}`}
          found={found}
          id={optionId(at)}
          chosen={at === chosen}
          onGo={onGo}
          onChoose={() => onChoose(at)}
        />
      ))}
    </div>
  );
}

interface OptionProps {
  found: Found;
  id: string;
  chosen: boolean;
  onGo: (found: Found) => void;
  onChoose: () => void;
}

function Option({ found, id, chosen, onGo, onChoose }: OptionProps) {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (chosen) link.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const onClick = (event: MouseEvent) => {
    // A link like any other for whoever wants it in another window.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    onGo(found);
  };
  return (
    <a
      ref={link}
      id={id}
      role="option"
      aria-selected={chosen}
      tabIndex={-1}
      href={found.href}
      className={classes["option"]}
      onClick={onClick}
      onMouseMove={onChoose}
    >
      <FoundIcon kind={found.kind} />
      <span className={classes["words"]}>
        <span className={classes["title"]}>{found.title}</span>
        <span className={classes["subtitle"]}>{found.subtitle}</span>
      </span>
      {chosen && (
        <kbd className={classes["enter"]} aria-hidden="true">
          ↵
        </kbd>
      )}
    </a>
  );
}

function Words({ typed, isSettled }: { typed: string | null; isSettled: boolean }) {
  if (typed !== null && !isSettled) return <p className={classes["note"]}>Looking…</p>;
  return (
    <div className={classes["note"]}>
      {typed !== null && <p className={classes["nothing"]}>Nothing fits “{typed}”.</p>}
      <p>
        {typed === null ? "What can be looked for:" : "Dashes and case make no difference. What can be looked for:"}
      </p>
      <ul>
        <li>an appliance, by any part of its serial number or id</li>
        <li>people and households, by name or e-mail address</li>
        <li>a case, by words of its title or the beginning of its id</li>
        <li>a release by its version, a model by its name</li>
      </ul>
    </div>
  );
}

function Limits({ answer: { incomplete, parts } }: { answer: SearchAnswer }) {
  if (incomplete.length === 0 && parts) return null;
  return (
    <p className={classes["note"]}>
      {incomplete.length > 0 &&
        `There may be more among ${incomplete.map((kind) => foundNames[kind].toLowerCase()).join(", ")}: looking took too long. `}
      {!parts && "This database finds by beginnings and ends alone."}
    </p>
  );
}
