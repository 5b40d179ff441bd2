/** What is being done, and how far it is. */
export interface BackupProgress {
  doing: string;
  rows: number;
  bytes: number;
}

/** What was written to a backup, or read from one. */
export interface BackupReport {
  tables: number;
  rows: number;
  files: number;
  /** Before they were compressed. */
  bytes: number;
}
