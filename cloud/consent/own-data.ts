import { type HouseholdData, pages } from "../platform/household-data.ts";
import { type ConsentStore, toReceipt, type ReceiptRow } from "./consent-store.ts";

/** What this slice knows of a household. */
export const ownData = (store: ConsentStore): HouseholdData[] => [
  {
    name: "consents",
    describes: "What you agreed to and withdrew: in which words, when, where, and for what in return.",
    rows: (db, householdId) => receipts(store, db, householdId),
    erase: (tx, householdId) => store.erase(tx, householdId),
  },
];

async function* receipts(store: ConsentStore, db: Parameters<HouseholdData["rows"]>[0], householdId: string) {
  const rows = pages<ReceiptRow>((last, limit) => store.receipts(db, [householdId], last?.sequence ?? null, limit));
  for await (const row of rows) yield { ...toReceipt(row) };
}
