/** What is wrong with the fields of a form, each by a JSON pointer into what is sent; said by the console before, or by the service after. */
export type Wrongs = ReadonlyMap<string, string>;

/** What the service said, without its own first words of the pointers. */
export const wrongsOf = (fields: readonly { pointer: string; message: string }[], within = ""): Wrongs =>
  new Map(
    fields.map(({ pointer, message }) => {
      const place = pointer.replace(/^\/body(?=\/|$)/, "");
      const inner = within !== "" && place.startsWith(`/${within}`) ? place.slice(within.length + 1) : place;
      return [inner, `${message.charAt(0).toUpperCase()}${message.slice(1)}`];
    }),
  );

/** What is wrong with a field, or with a part of it; null where nothing is. */
export function wrongAt(wrongs: Wrongs, pointer: string): string | null {
  const exact = wrongs.get(pointer);
  if (exact !== undefined) return exact;
  for (const [place, message] of wrongs) if (place.startsWith(`${pointer}/`)) return message;
  return null;
}

/** A key for something new from its title: `Water filter!` is `water_filter`. Keys begin with a letter. */
export const keyFrom = (title: string): string =>
  title
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^[_0-9]+|_+$/g, "")
    .slice(0, 64);
