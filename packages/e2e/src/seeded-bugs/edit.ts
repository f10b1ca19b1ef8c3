/** A change of one source file: a snippet that has to be there exactly once, and what stands there instead. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}
