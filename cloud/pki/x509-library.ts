/**
 * The X.509 library, loaded when something is signed or read with it for the first time: that takes 100 ms, which the start of a service
 * that has its certificates does not pay. It finds its parts by reflection, so the polyfill of that comes first.
 */
export type * from "@peculiar/x509";

type Library = typeof import("@peculiar/x509");

let loading: Promise<Library> | null = null;

export function x509Library(): Promise<Library> {
  loading ??= import("reflect-metadata").then(() => import("@peculiar/x509"));
  return loading;
}
