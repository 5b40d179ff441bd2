-- Of a model that declares no metrics a reading has no values, and two of them together have none either: an empty list, and not NULL.
CREATE OR REPLACE FUNCTION merge_values(earlier float8[], later float8[]) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(coalesce(earlier[i], later[i]) ORDER BY i), '{}')
  FROM generate_series(1, greatest(cardinality(earlier), cardinality(later))) AS i
$$;
