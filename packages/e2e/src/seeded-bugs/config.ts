/** What the test environment says to a process that it starts. */
export const environment = {
  /** Names of edits, comma separated; see edits.ts. */
  seededEdits: process.env.SEEDED_EDITS ?? '',
};
