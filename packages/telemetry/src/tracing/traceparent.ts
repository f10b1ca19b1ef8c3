/** W3C trace context, version 00: `00-<32 hex trace id>-<16 hex span id>-<2 hex flags>`. https://www.w3.org/TR/trace-context/ */

const LENGTH = 55;
const PATTERN = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Is `text` a traceparent? For what comes from outside. */
export function isTraceparent(text: unknown): text is string {
  return typeof text === 'string' && text.length === LENGTH && PATTERN.test(text);
}

/** Does a valid traceparent have the sampled flag? One character is looked at: this runs for every message. */
export function isSampled(traceparent: string | undefined): traceparent is string {
  // The flag is the lowest bit of the last hex digit: 1 3 5 7 9 b d f, whose char codes are all odd but for the letters b, d, f.
  if (traceparent === undefined) return false;
  const last = traceparent.charCodeAt(LENGTH - 1);
  return last < 58 ? (last & 1) === 1 : (last & 1) === 0;
}

/** 32 hex digits of a valid traceparent. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** 16 hex digits of a valid traceparent. */
export function spanIdOf(traceparent: string): string {
  return traceparent.slice(36, 52);
}
