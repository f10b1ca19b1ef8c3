/**
 * Finds where members and elements stand in a JSON text, so that a payload is cut out of a frame exactly as it was sent.
 * All functions expect text that `JSON.parse` has accepted: they look for boundaries and check nothing.
 */

/** Where a value stands in a text: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPENINGS = ['{', '['] as const;

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** Index after the string that starts at `from`. */
function skipString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    // An even number of backslashes in front: each escapes another, none the quote.
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return text.length;
}

/** Index after the object or array that starts at `from`. */
function skipNested(text: string, from: number): number {
  let depth = 0;
  let i = from;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = skipString(text, i);
      continue;
    }
    i++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return i;
  }
  return i;
}

/** Index after the value that starts at `from`. */
function skipValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return skipString(text, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(text, from);
  let i = from;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break;
    i++;
  }
  return i;
}

/** The name in quotes at `start..end`; escapes are decoded, so `"payl\u006fad"` is `payload` as it is for JSON.parse. */
function memberName(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : raw;
}

/**
 * Where the value of member `name` of the object at `from` stands; the last one when the name comes twice, as for JSON.parse.
 * `undefined` when there is no such member.
 */
export function findMember(text: string, name: string, from = 0): Span | undefined {
  let found: Span | undefined;
  let i = skipSpace(text, skipSpace(text, from) + 1);
  while (i < text.length && text.charCodeAt(i) === QUOTE) {
    const nameEnd = skipString(text, i);
    const isWanted = memberName(text, i, nameEnd) === name;
    i = skipSpace(text, nameEnd);
    if (text.charCodeAt(i) !== COLON) return found;
    const start = skipSpace(text, i + 1);
    const end = skipValue(text, start);
    if (isWanted) found = { start, end };
    i = skipSpace(text, end);
    if (text.charCodeAt(i) !== COMMA) return found;
    i = skipSpace(text, i + 1);
  }
  return found;
}

/** Where the elements of the array at `from` stand. */
export function elementSpans(text: string, from = 0): readonly Span[] {
  const spans: Span[] = [];
  let i = skipSpace(text, skipSpace(text, from) + 1);
  while (i < text.length && text.charCodeAt(i) !== CLOSE_BRACKET) {
    const end = skipValue(text, i);
    spans.push({ start: i, end });
    i = skipSpace(text, end);
    if (text.charCodeAt(i) !== COMMA) break;
    i = skipSpace(text, i + 1);
  }
  return spans;
}

/** Does the text nest objects and arrays deeper than `maxDepth`? The outermost one is level 1. */
export function isDeeperThan(text: string, maxDepth: number): boolean {
  return hasMoreThan(text, maxDepth) && isNestedDeeperThan(text, maxDepth);
}

/** Are there more opening brackets and braces, in strings or not? Quick to say, and nearly always no. */
function hasMoreThan(text: string, count: number): boolean {
  let left = count;
  for (const opening of OPENINGS) {
    for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, at + 1))
      if (--left < 0) return true;
  }
  return false;
}

function isNestedDeeperThan(text: string, maxDepth: number): boolean {
  let depth = 0;
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = skipString(text, i);
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > maxDepth) return true;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
    i++;
  }
  return false;
}
