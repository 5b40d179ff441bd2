/** The addresses of the shop and of the maker's app, as forms hold them. */
import type { MakersApp } from "../api/campaign-shapes.ts";
import type { LoyaltyShop } from "../api/loyalty-shapes.ts";
import type { Wrongs } from "./field-wrongs.ts";

export interface ShopDraft {
  url: string;
  /** Never that of before, which nobody can read. */
  secret: string;
}

export interface AppDraft {
  /** "" where it is told nothing. */
  url: string;
}

export const noShop: ShopDraft = { url: "", secret: "" };
export const shopDraftOf = ({ url }: LoyaltyShop): ShopDraft => ({ url, secret: "" });
export const shopOf = ({ url, secret }: ShopDraft): ShopDraft => ({ url: url.trim(), secret: secret.trim() });

export const appDraftOf = ({ url }: MakersApp): AppDraft => ({ url: url ?? "" });
export const appOf = ({ url }: AppDraft): AppDraft => ({ url: url.trim() });

/** As the service takes it: whole bytes in base64, in their one spelling. */
function isKey(secret: string): boolean {
  const [, written = ""] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  if (written.length % 4 !== 0) return false;
  const bytes = atob(written);
  return bytes.length >= 24 && bytes.length <= 96 && btoa(bytes) === written;
}

/** How many bytes a key is made of. */
export const keyBytes = 32;

/** A key as Standard Webhooks writes it. @param bytes `keyBytes` of them, drawn at random */
export const keyOf = (bytes: Uint8Array): string => `whsec_${btoa(String.fromCodePoint(...bytes))}`;

export function shopWrongs(draft: ShopDraft): Wrongs {
  const { url, secret } = shopOf(draft);
  const wrongs = new Map<string, string>();
  if (url === "") wrongs.set("/url", "Say where orders go.");
  if (secret === "") wrongs.set("/secret", "Paste the shop's key, or have one made.");
  else if (!isKey(secret)) wrongs.set("/secret", "A key is whsec_, and 24 to 96 bytes in base64 after it.");
  return wrongs;
}

export const appWrongs = (draft: AppDraft): Wrongs =>
  new Map(appOf(draft).url === "" ? [["/url", "Say where the app is told."]] : []);

/** What people read of a version that has a secret beside its address: the secret is told from others by who set it when. */
export const receiverSays = (version: number, url: string) =>
  url === "" ? {} : { address: url, secret: `the one of version ${version}` };
