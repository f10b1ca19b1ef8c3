import { describe, expect, it } from 'vitest';
import { readClientFrame } from './client-frame.ts';
import { decodeAnswer, decodeRequest, encodeAnswer, encodeRequest } from './request-record.ts';

const LIMITS = { maxFrameDepth: 32, maxChannelsPerFrame: 4 };
const read = (frame: object) => readClientFrame(JSON.stringify(frame), LIMITS);
const request = (members: object) => ({ type: 'request', id: 1, method: 'a.b', payload: 1, ...members });

describe('frames of request and response', () => {
  it('[RQ1] cut the payload out exactly as it was sent', () => {
    const text = '{"type":"request","id":1,"method":"a","payload": {"n": 1.0 }}';
    expect(readClientFrame(text, LIMITS)).toMatchObject({ frame: { payloadJson: '{"n": 1.0 }' } });
    const answer = '{"payload":[ 1 ],"type":"response","id":1,"re":"x"}';
    expect(readClientFrame(answer, LIMITS)).toMatchObject({ frame: { re: 'x', payloadJson: '[ 1 ]' } });
  });

  it('[WK1] serve takes an empty list: nothing any more', () => {
    expect(read({ type: 'serve', id: 1, methods: [] })).toEqual({
      frame: { type: 'serve', id: 1, methods: [] },
    });
  });

  it.each([
    ['FRAME_INVALID', 'no method', request({ method: undefined })],
    ['FRAME_INVALID', 'a method with a space', request({ method: 'a b' })],
    ['FRAME_INVALID', "a method of the system's", request({ method: '#user:a' })],
    ['FRAME_INVALID', 'no time', request({ timeoutMs: 0 })],
    ['FRAME_INVALID', 'more than an hour', request({ timeoutMs: 3_600_001 })],
    ['PAYLOAD_INVALID', 'no payload', request({ payload: undefined })],
    ['FRAME_INVALID', 'a cancel of nothing', { type: 'cancel', id: 1 }],
    ['FRAME_INVALID', 'too many methods', { type: 'serve', id: 1, methods: Array(5).fill('a') }],
    ['FRAME_INVALID', 'methods that are no list', { type: 'serve', id: 1, methods: 'a' }],
    ['FRAME_INVALID', 'no room', { type: 'serve', id: 1, methods: ['a'], concurrency: 0 }],
    ['FRAME_INVALID', 'an answer to nothing', { type: 'response', id: 1, payload: 1 }],
    ['PAYLOAD_INVALID', 'an answer without a content', { type: 'response', id: 1, re: 'x' }],
    ['FRAME_INVALID', 'an error without text', { type: 'response', id: 1, re: 'x', error: {} }],
  ])('answers %s for %s', (code, _what, frame) => {
    expect(read(frame)).toMatchObject({ error: { code, retryable: false } });
  });
});

describe('what the broker carries', () => {
  it('[RE4] gives back header and payload, newlines included', () => {
    const payloadJson = '{"text":"a\\nb",\n"n":1}';
    expect(decodeRequest(encodeRequest({ user: 'ada' }, payloadJson))).toEqual({
      header: { user: 'ada' },
      payloadJson,
    });
    expect(decodeAnswer(encodeAnswer({ payloadJson }))).toEqual({ payloadJson });
    const error = { code: 'RESPONDER_ERROR', message: 'no', retryable: true, reason: 'r' } as const;
    expect(decodeAnswer(encodeAnswer({ error }))).toEqual({ error });
    expect(() => decodeRequest('{}')).toThrow(SyntaxError);
  });
});
