/** Commands, answers and statuses as JSON texts, with their bounds. */
import { CarillonError } from '@carillon/protocol';
import type { CommandHandler, NodeStatus } from './control.ts';
import { readRefusal, writeRefusal } from './requests-asker.ts';

const MAX_STATUS_CHARACTERS = 8192;
const MAX_COMMAND_CHARACTERS = 16_384;
const MAX_ANSWER_CHARACTERS = 65_536;

export type Outcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'refused'; readonly error: CarillonError };

/** @param awayAfterMs the silence after which others take this node for away: it depends on its own heartbeat */
export function writeStatus(
  status: NodeStatus,
  awayAfterMs: number,
): { readonly text: string; readonly tooLarge: boolean } {
  const tooLarge = JSON.stringify(status).length > MAX_STATUS_CHARACTERS;
  return { text: JSON.stringify({ awayAfterMs, status: tooLarge ? { tooLarge } : status }), tooLarge };
}

export function readStatus(text: string): { readonly awayAfterMs: number; readonly status: NodeStatus } {
  return JSON.parse(text) as { awayAfterMs: number; status: NodeStatus };
}

/** @throws RangeError for an input that is too large: commands are made by this product, not by clients */
export function checkedCommand(command: string, input: unknown): string {
  const text = JSON.stringify({ command, input });
  if (text.length > MAX_COMMAND_CHARACTERS)
    throw new RangeError(`the input of the command ${command} has ${text.length} characters`);
  return text;
}

/** Never rejects: what a node refuses is an answer, so that it differs from silence. */
export async function answerCommand(
  handlers: ReadonlyMap<string, CommandHandler>,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { command, input } = JSON.parse(body) as { command: string; input?: unknown };
    const handler = handlers.get(command);
    if (handler === undefined)
      throw new CarillonError('COMMAND_UNKNOWN', `This node does not know the command ${command}.`);
    const text = JSON.stringify({ answer: await handler(input, signal) });
    if (text.length > MAX_ANSWER_CHARACTERS)
      throw new CarillonError('INTERNAL', `The answer to ${command} has ${text.length} characters.`);
    return text;
  } catch (error) {
    return JSON.stringify({ refusal: writeRefusal(error) });
  }
}

export function readOutcome(text: string): Outcome {
  const { answer, refusal } = JSON.parse(text) as { answer?: unknown; refusal?: string };
  return refusal === undefined
    ? { kind: 'answered', answer }
    : { kind: 'refused', error: readRefusal(refusal) };
}
