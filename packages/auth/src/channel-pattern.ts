/** Tells whether a channel name fits a pattern. */
export type ChannelPattern = (channel: string) => boolean;

const SYSTEM = '#';

/**
 * Compiles a pattern in which each `*` stands for any run of characters, also none. Names of system channels (`#...`) fit
 * only patterns that start with `#` themselves, so that `*` never grants what belongs to the system.
 *
 * The pieces between the stars are looked for from left to right, each after the one before: one pass over the name
 * however the pattern is made, where a regular expression would try again and again.
 */
export function compilePattern(pattern: string): ChannelPattern {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return (channel) => channel === pattern;
  const last = rest.pop()!;
  const middle = rest.filter((piece) => piece !== '');
  const isForSystem = pattern.startsWith(SYSTEM);
  return (channel) => {
    if (!isForSystem && channel.startsWith(SYSTEM)) return false;
    if (channel.length < first.length + last.length) return false;
    if (!channel.startsWith(first) || !channel.endsWith(last)) return false;
    return holdsInOrder(channel, middle, first.length, channel.length - last.length);
  };
}

/** `true` when the pieces stand in `channel` between `from` and `end`, in order, without overlap. */
function holdsInOrder(channel: string, pieces: readonly string[], from: number, end: number): boolean {
  let at = from;
  for (const piece of pieces) {
    const found = channel.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
