/** Broker record of a request or its answer: a line of JSON, a newline, and the payload unchanged. Rule [RE4]. */
import type { RequestErrorBody } from './request-frames.ts';

/** The requester. Its members appear unchanged in the `request` frame of a worker. */
export interface RequestHeader {
  readonly user?: string;
  readonly role?: string;
  readonly roles?: readonly string[];
  readonly session?: string;
  readonly connection?: string;
  /** W3C traceparent; present only when the trace is sampled. */
  readonly trace?: string;
}

/** `payloadJson` is the payload's JSON text; raw newlines in it are allowed. */
export function encodeRequest(header: RequestHeader, payloadJson: string): string {
  return `${JSON.stringify(header)}\n${payloadJson}`;
}

/** @throws SyntaxError when it has no header line or that isn't JSON. */
export function decodeRequest(body: string): {
  readonly header: RequestHeader;
  readonly payloadJson: string;
} {
  const newline = body.indexOf('\n');
  if (newline < 0) throw new SyntaxError('the request has no header line');
  return {
    header: JSON.parse(body.slice(0, newline)) as RequestHeader,
    payloadJson: body.slice(newline + 1),
  };
}

/** Answer of a responder: the payload's JSON text, or the application's error. */
export type RequestAnswer = { readonly payloadJson: string } | { readonly error: RequestErrorBody };

export function encodeAnswer(answer: RequestAnswer): string {
  return 'error' in answer ? `${JSON.stringify(answer.error)}\n` : `\n${answer.payloadJson}`;
}

/** @throws SyntaxError when it is none. */
export function decodeAnswer(body: string): RequestAnswer {
  if (body.startsWith('\n')) return { payloadJson: body.slice(1) };
  return { error: JSON.parse(body) as RequestErrorBody };
}
