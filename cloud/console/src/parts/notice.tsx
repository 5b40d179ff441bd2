import { Button } from "@mantine/core";
import { ApiProblem } from "../api/client.ts";
import { Ago } from "./ago.tsx";
import { AlertIcon } from "./icons.tsx";
import classes from "./notice.module.css";
import { Who } from "./who.tsx";

interface NoticeProps {
  error: Error;
  onRetry?: () => void;
  /** There is still something to show from before: mind, do not alarm. */
  mild?: boolean;
}

/** What went wrong, what is particular about it, and what to do; with a way to try again. */
export function Notice({ error, onRetry, mild = false }: NoticeProps) {
  const problem =
    error instanceof ApiProblem
      ? error
      : new ApiProblem(0, { title: "The console made a mistake", detail: error.message });
  return (
    <div role="alert" className={`${classes["notice"]} ${mild ? classes["mild"] : ""}`}>
      <AlertIcon />
      <div>
        <p className={classes["title"]}>{problem.title}</p>
        {problem.newest === null ? (
          problem.message !== problem.title && <p>{problem.message}</p>
        ) : (
          <p>
            <Who principal={problem.newest.by} /> saved it <Ago atMs={problem.newest.atMs} />. What you wrote was not
            saved: keep a copy of it, and load the page again to see theirs.
          </p>
        )}
        <p className={classes["help"]}>
          {problem.help}
          {problem.status >= 500 && problem.requestId !== null && ` Request ${problem.requestId}.`}
        </p>
      </div>
      {onRetry !== undefined && (
        <Button variant="default" size="sm" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

interface Answer {
  error: Error | null;
  data: unknown;
  refetch: () => unknown;
}

/** The notice for a question that failed, or nothing. What was answered before stays on the screen beneath it. */
export function QuestionNotice({ question }: { question: Answer }) {
  if (question.error === null) return null;
  return (
    <Notice
      error={question.error}
      mild={question.data !== undefined}
      onRetry={() => {
        question.refetch();
      }}
    />
  );
}
