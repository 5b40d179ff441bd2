-- A reference locks the row that it points at, and every earning points at the one account that issues: transactions would wait for each
-- other there. Accounts are never deleted, and the ledger's check looks for transfers of none.
ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_debit_account_fkey;
ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_credit_account_fkey;
-- Totals move with every batch: a page with room keeps them in place.
ALTER TABLE ledger_account SET (fillfactor = 70);
