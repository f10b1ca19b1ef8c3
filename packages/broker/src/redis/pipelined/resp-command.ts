/** Commands as they go over the connection: arrays of bulk strings. */

/** One argument. */
export function bulk(argument: string | number): string {
  const text = typeof argument === 'number' ? String(argument) : argument;
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

/** A whole command. */
export function command(...args: readonly (string | number)[]): string {
  return `*${args.length}\r\n${args.map(bulk).join('')}`;
}
