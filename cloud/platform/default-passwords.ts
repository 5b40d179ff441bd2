/** Passwords that stand in manuals, images and examples: the first that anybody tries. Lower case. */
const wellKnown = new Set([
  ..."postgres postgresql password passw0rd pass secret changeme change-me change_me default example admin root".split(
    " ",
  ),
  ..."test testing dev development hearth user guest letmein qwerty welcome abc123 123 1234 12345 123456".split(" "),
  ..."1234567 12345678 123456789 1234567890 postgres123 password1 password123 mysecretpassword yourpassword".split(" "),
]);

/**
 * The variable that carries a password which is no secret, or null: a well-known one, or its own user's or database's name. An address
 * without a password proves itself in another way, unless `PGPASSWORD` gives one.
 */
export function defaultPasswordIn(
  databaseUrl: string,
  pgPassword: string | undefined,
): "DATABASE_URL" | "PGPASSWORD" | null {
  const { username, password, pathname, searchParams } = new URL(databaseUrl);
  const own = searchParams.get("password") ?? decoded(password);
  const guess = (own === "" ? (pgPassword ?? "") : own).toLowerCase();
  if (guess === "") return null;
  const names = [searchParams.get("user") ?? decoded(username), decoded(pathname.slice(1))];
  if (!wellKnown.has(guess) && !names.some((name) => name.toLowerCase() === guess)) return null;
  return own === "" ? "PGPASSWORD" : "DATABASE_URL";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
