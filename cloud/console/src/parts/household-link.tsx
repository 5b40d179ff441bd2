import { Link } from "@tanstack/react-router";
import page from "./page.module.css";

/** The way to a household by its name; of one whose name is not known here the way alone, and never its bare id. */
export const HouseholdLink = ({ id, name }: { id: string; name: string | null | undefined }) => (
  <Link to="/households/$id" params={{ id }} className={page["link"]}>
    {name ?? "Open household"}
  </Link>
);
