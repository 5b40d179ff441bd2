import type { Db } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";
import type { FactsStore, StoredFact } from "./facts-store.ts";

/** What this slice knows of a household. */
export const ownData = (store: FactsStore): HouseholdData[] => [
  {
    name: "facts",
    describes: "What you did in the shop, in the app and on the web site, as those reported it.",
    keeps: "A keyed hash of each fact’s id and content, which names nobody: so that what is sent again does nothing.",
    rows: (db, householdId) => facts(store, db, householdId),
    erase: (tx, householdId) => store.erase(tx, householdId),
  },
];

async function* facts(store: FactsStore, db: Db, householdId: string) {
  for await (const fact of pages<StoredFact>((last, limit) => store.list(db, householdId, last, limit))) {
    const { source, id, type, atMs, receivedAtMs, data } = fact;
    yield { source, id, type, atMs, receivedAtMs, data };
  }
}
