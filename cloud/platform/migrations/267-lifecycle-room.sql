-- Each use writes the life anew and mostly nothing that is indexed: with room beside it the row stays on its page, and no index is touched.
ALTER TABLE lifecycle_household SET (fillfactor = 60);
