import { z } from "zod";
import { type Api, request } from "../api.ts";
import { make } from "./hearth-api.ts";

const newKey = z.object({ secret: z.string() });

/** Two people who write: what one wrote, the other reads before it goes out. */
export interface Editors {
  /** Writes an item. @returns its id */
  write(draft: unknown): Promise<string>;
  change(id: string, draft: unknown): Promise<void>;
  submit(id: string, note: string): Promise<void>;
  /** Written, handed in, and approved by the other one. @returns its id */
  approved(draft: unknown): Promise<string>;
  /** The reviewer wants something changed. */
  sendBack(id: string, note: string): Promise<void>;
  /** Says where and when something approved goes out; now, where nothing else is said. */
  schedule(id: string, when: { models?: string[]; from?: string; until?: string; zone?: string }): Promise<void>;
}

const at = (id: string, verb: string) => `/content/items/${id}/${verb}`;

/** Gives both of them a key of their own. */
export async function hireEditors(api: Api): Promise<Editors> {
  const [author, reviewer] = await Promise.all(
    ["Mara, recipes", "Jonas, product"].map(async (name) => {
      const { secret } = newKey.parse(await request(api, "POST", "/staff/keys", { name, role: "content" }));
      return { ...api, key: secret };
    }),
  );
  if (author === undefined || reviewer === undefined) throw new Error("two editors were asked for");
  const submit = async (id: string, note: string) => void (await request(author, "POST", at(id, "submit"), { note }));
  const write = (draft: unknown) => make(author, "/content/items", draft);
  return {
    write,
    submit,
    change: async (id, draft) => void (await request(author, "PUT", `/content/items/${id}`, draft)),
    async approved(draft) {
      const id = await write(draft);
      await submit(id, "Ready, I think.");
      await request(reviewer, "POST", at(id, "approve"), { note: "Cooked it yesterday: it holds." });
      return id;
    },
    sendBack: async (id, note) => void (await request(reviewer, "POST", at(id, "send-back"), { note })),
    schedule: async (id, when) => void (await request(author, "POST", at(id, "schedule"), when)),
  };
}
