import type { Message } from '@carillon/client';
import { stringifyPayload } from '@carillon/protocol';
import { out } from './style.ts';

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** Colours of channels, in the order in which they appear. */
const PALETTE = [out.cyan, out.magenta, out.blue, out.green, out.yellow] as const;
const colorOf = new Map<string, (text: string) => string>();
const MAX_CHANNELS = 1_000;

function channelColor(channel: string): (text: string) => string {
  const known = colorOf.get(channel);
  if (known !== undefined) return known;
  const color = PALETTE[colorOf.size % PALETTE.length]!;
  if (colorOf.size < MAX_CHANNELS) colorOf.set(channel, color);
  return color;
}

/** A message as one JSON line, for programs. Typed arrays have their JSON form. */
export function messageJson(message: Message): string {
  const { channel, epoch, seq, id, timestamp, event, user, payload, recovered } = message;
  const late = recovered || undefined;
  return printable(
    stringifyPayload({ channel, epoch, seq, id, timestamp, event, user, payload, recovered: late }),
  );
}

/** A message for a person: channel, seq, time, who, what. */
export function messageText(message: Message): string {
  const { channel, seq, timestamp, event, user, payload, recovered } = message;
  const text = typeof payload === 'string' ? payload : stringifyPayload(payload);
  return [
    channelColor(channel)(channel),
    out.bold(String(seq).padStart(5)),
    out.dim(clock.format(timestamp)),
    out.dim(printable(user ?? '(anonymous)')),
    ...(event === undefined ? [] : [out.yellow(printable(event))]),
    printable(text),
    ...(recovered ? [out.dim('(was missed)')] : []),
  ].join('  ');
}

/** Control characters and changes of writing direction in a message must not move the cursor or disguise text. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(char: string): string {
  if (char === '\n') return '\\n';
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
