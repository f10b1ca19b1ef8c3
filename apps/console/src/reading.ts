export interface Reading {
  readonly text: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Where the console has it. */
  readonly path: string;
}

const entry = (text: string, file: string): Reading => ({
  text,
  file,
  path: `read/${file.split('/').at(-1)}.txt`,
});

/** Documentation and sources linked from the page. The build copies these files. */
export const READING: readonly Reading[] = [
  entry('What is guaranteed', 'docs/concepts/guarantees.md'),
  entry('Guide to the client', 'docs/guides/client.md'),
  entry('Code of a pane', 'apps/console/src/chat/use-pane.ts'),
  entry('Code of the line that is cut', 'apps/console/src/cuttable-network.ts'),
];
