/** Who serves an image, in a process of its own. */
export interface FileServer {
  readonly pid: number;
  readonly href: string;
  collectGarbage(): void;
  stop(): Promise<void>;
}
