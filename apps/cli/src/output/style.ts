import pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;

/** Colours for a stream, when it is a terminal that wants them. */
function colorsFor(stream: NodeJS.WriteStream): Colors {
  return pc.createColors(pc.isColorSupported && stream.isTTY === true);
}

export const out: Colors = colorsFor(process.stdout);
export const err: Colors = colorsFor(process.stderr);

/** A line beside the results: progress, connection, hints. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A line of results. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Machine-readable lines: asked for, or because a program reads them. */
export function wantsJson(flag: boolean | undefined): boolean {
  return flag ?? process.stdout.isTTY !== true;
}

/** `carillon sub x | head -1`: the reader is gone, so there is nothing left to do. */
export function exitWhenReaderIsGone(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
