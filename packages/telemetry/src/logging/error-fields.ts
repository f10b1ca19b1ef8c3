import { stdSerializers } from 'pino';

const MAX_DEPTH = 5;

/**
 * The loggable members of an error. The Redis client attaches the command with all arguments to its errors: the
 * password of AUTH and HELLO, and users' messages. Only the command's name is logged.
 */
export function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const fields = withoutArguments(stdSerializers.err(error), 0) as Record<string, unknown>;
  return { ...fields, type: typeOf(error, fields.type), message: messageOf(error, 0) };
}

/** The name that an error gives itself: a bundle may have renamed its class. */
function typeOf({ name }: Error, ofClass: unknown): unknown {
  return name === 'Error' || name === 'error' || name === '' ? ofClass : name;
}

/** Client libraries advise their programmer; the operator can't change what they name. */
const REWORDED: ReadonlyMap<string, string> = new Map([
  ['MaxRetriesPerRequestError', 'the connection to Redis ended before the answer came'],
]);

/** The text of an error, as an operator may read it. */
export function plainMessage({ name, message }: Error): string {
  return REWORDED.get(name) ?? message;
}

/** With the messages of its causes, each once: many errors say already what their cause said. */
function messageOf(error: Error, depth: number): string {
  const { cause } = error;
  const message = plainMessage(error);
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
