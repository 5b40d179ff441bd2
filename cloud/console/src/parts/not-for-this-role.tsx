import { Empty } from "./empty.tsx";

/** Instead of a page that the key's role may not see: who may, so that its reader knows whom to ask. */
export function NotForThisRole({ role, what }: { role: string; what: string }) {
  return (
    <Empty title={`${what} cannot be seen with this key`}>
      <p>
        Its role is {role}. The roles support and admin may see this page. An admin can give you a key of such a role.
      </p>
    </Empty>
  );
}
