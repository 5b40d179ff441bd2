import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { endedBadlyQuery } from "../../api/queries.ts";
import type { Delivery } from "../../api/shapes.ts";
import { deliveryText } from "../../core/deliveries.ts";
import { Ago } from "../../parts/ago.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import classes from "./open-cases.module.css";

/** The newest deliveries that an appliance could not, or would not, take; each leads to what the appliance said of it. */
export function EndedBadly({ phase }: { phase: "failed" | "rejected" }) {
  const question = useQuery(endedBadlyQuery(phase));
  return (
    <>
      <QuestionNotice question={question} />
      <ul
        className={`${classes["list"]} ${classes["after"]}`}
        aria-label={`Newest deliveries that ${phase === "failed" ? "failed" : "were rejected"}`}
      >
        {question.data?.items.map((delivery) => (
          <li key={delivery.id}>
            <DeliveryLink {...delivery} />
          </li>
        ))}
      </ul>
    </>
  );
}

const DeliveryLink = ({ deviceId, changedAtMs, ...delivery }: Delivery) => (
  <Link
    to="/devices/$id"
    params={{ id: deviceId }}
    search={{ kinds: "delivery" }}
    className={`${classes["case"]} ${classes["safety"]}`}
  >
    <AlertIcon />
    <span className={classes["title"]}>{deliveryText(delivery)}</span>
    <span className={`${classes["soft"]} ${classes["ago"]}`}>
      <Ago atMs={changedAtMs} />
    </span>
    <span className={`${classes["soft"]} ${classes["device"]}`}>{deviceId}</span>
  </Link>
);
