/** Test environment of a started process. */
export const environment = {
  /** Names of edits, comma separated; see edits.ts. */
  seededEdits: process.env.SEEDED_EDITS ?? '',
};
