/** Reads the body of an HTTP publish: one message or a batch. Payloads are cut out of the text as they are. */
import { CarillonError, elementSpans, findMember, isDeeperThan, readEvent } from '@carillon/protocol';

export interface BodyMessage {
  readonly payloadJson: string;
  readonly event: string | undefined;
}

export interface BodyLimits {
  readonly maxFrameBytes: number;
  readonly maxFrameDepth: number;
  readonly maxHttpBatchMessages: number;
}

/** Of a message; one that is scheduled has more. */
const MESSAGE_MEMBERS: readonly string[] = ['payload', 'event'];

/** @throws CarillonError naming the member. The result says whether the body was a batch: its answer has another form. */
export function readPublishBody(
  text: string,
  limits: BodyLimits,
  members: readonly string[] = MESSAGE_MEMBERS,
): { readonly isBatch: boolean; readonly messages: readonly BodyMessage[] } {
  const body = parseObject(text);
  if (isDeeperThan(text, limits.maxFrameDepth))
    throw new CarillonError(
      'FRAME_TOO_DEEP',
      `The body nests objects and arrays deeper than ${limits.maxFrameDepth} levels.`,
    );
  if (!Object.hasOwn(body, 'messages'))
    return { isBatch: false, messages: [readMessage('', body, text, limits, members)] };
  refuseUnknown('', body, ['messages']);
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0)
    throw new CarillonError('BODY_INVALID', 'messages: allowed is an array with at least one message.');
  if (messages.length > limits.maxHttpBatchMessages)
    throw new CarillonError(
      'BATCH_TOO_LARGE',
      `The batch has ${messages.length} messages; at most ${limits.maxHttpBatchMessages} are allowed.`,
    );
  const span = findMember(text, 'messages')!;
  const array = text.slice(span.start, span.end);
  const parts = elementSpans(array).map(({ start, end }) => array.slice(start, end));
  return {
    isBatch: true,
    messages: messages.map((message: unknown, i) =>
      readMessage(`messages[${i}].`, message, parts[i]!, limits, MESSAGE_MEMBERS),
    ),
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CarillonError(
      'BODY_INVALID',
      text.startsWith('\uFEFF')
        ? 'The body begins with a byte order mark, which JSON does not allow: send UTF-8 without one.'
        : 'The body is not JSON; allowed: {"payload": ..., "event": ...} or {"messages": [...]}.',
      { cause },
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CarillonError(
    'BODY_INVALID',
    'The body is not a JSON object; allowed: {"payload": ..., "event": ...} or {"messages": [...]}.',
  );
}

/** A member that vanishes is a message that is not what its publisher meant. */
function refuseUnknown(at: string, given: object, members: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !members.includes(name));
  if (unknown === undefined) return;
  throw new CarillonError(
    'BODY_INVALID',
    `${at}${unknown.slice(0, 64)} is not known; allowed are ${members.join(', ')}.`,
  );
}

function readMessage(
  at: string,
  message: unknown,
  text: string,
  { maxFrameBytes }: BodyLimits,
  members: readonly string[],
): BodyMessage {
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    throw new CarillonError('BODY_INVALID', `${at.slice(0, -1)}: allowed is an object with payload.`);
  refuseUnknown(at, message, members);
  const span = findMember(text, 'payload');
  if (span === undefined)
    throw new CarillonError(
      'PAYLOAD_INVALID',
      `${at}payload: got nothing; allowed: any JSON value, null included.`,
    );
  const payloadJson = text.slice(span.start, span.end);
  const bytes = Buffer.byteLength(payloadJson);
  if (bytes > maxFrameBytes)
    throw new CarillonError(
      'FRAME_TOO_LARGE',
      `${at}payload has ${bytes} bytes; at most ${maxFrameBytes} are allowed.`,
    );
  const { event } = message as { event?: unknown };
  return { payloadJson, event: event === undefined ? undefined : readEvent(`${at}event`, event) };
}
