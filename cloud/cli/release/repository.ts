import { z } from "zod";
import { familyRole } from "#protocol/update.ts";
import type { MetadataUpload } from "../../firmware/repository.ts";
import type { Api } from "./api.ts";
import type { KeyFolder } from "./key-folder.ts";

const state = z.object({
  timestampKey: z.string(),
  roles: z.array(z.object({ role: z.string(), version: z.number(), expiresAtMs: z.number() })),
});

export const repositoryState = (api: Api): Promise<z.infer<typeof state>> =>
  api.ask("GET", "/api/v1/firmware/repository", state);

const moved = z.object({ roles: state.shape.roles });

/** Has the service take metadata that publishes nothing new, and remembers it here. */
export async function moveRepository(api: Api, upload: MetadataUpload, folder: KeyFolder): Promise<void> {
  const path = upload.root === undefined ? "metadata" : "root";
  await api.ask("POST", `/api/v1/firmware/repository/${path}`, moved, upload);
  const { root, targets, snapshot, families = {} } = upload;
  for (const [role, content] of Object.entries({ root, targets, snapshot })) {
    if (content !== undefined) await folder.remember(role, content);
  }
  for (const [model, content] of Object.entries(families)) await folder.remember(familyRole(model), content);
}
