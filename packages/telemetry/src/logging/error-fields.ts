import { stdSerializers } from 'pino';

const MAX_DEPTH = 5;

/**
 * What of an error goes to a log. The Redis client hangs the command on its errors, with all arguments: the password of AUTH and HELLO,
 * and what people wrote to each other. Its name is enough.
 */
export function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const fields = withoutArguments(stdSerializers.err(error), 0) as Record<string, unknown>;
  return { ...fields, message: messageOf(error, 0) };
}

/** With the messages of its causes, each once: many errors say already what their cause said. */
function messageOf({ message, cause }: Error, depth: number): string {
  const below = cause instanceof Error && depth < MAX_DEPTH ? messageOf(cause, depth + 1) : '';
  if (message === '') return below;
  return message.includes(below) ? message : `${message.replace(/\.$/, '')}: ${below}`;
}

function withoutArguments(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => withoutArguments(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === 'command' ? nameOf(member) : withoutArguments(member, depth + 1),
    ]),
  );
}

function nameOf(command: unknown): unknown {
  return typeof command === 'object' && command !== null && 'name' in command ? command.name : undefined;
}
