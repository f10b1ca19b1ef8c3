import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelNameFault, namespaceOf } from './channel-name.ts';
import { afterClose, CLOSES } from './close-codes.ts';
import { decodeRecord, encodeRecord, messageFrame, traceOfRecord } from './record.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('records', () => {
  it('[RE1] [RE2] join to a message frame that holds header and payload unchanged', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.boolean(),
        (payload, user, traced) => {
          const header = { id: 'm-1', timestamp: 1, user, ...(traced ? { trace: TRACE } : {}) };
          const text = JSON.stringify(payload);
          const record = encodeRecord(header, text);
          expect(decodeRecord(record)).toEqual({ header: JSON.parse(JSON.stringify(header)), payload: text });
          expect(JSON.parse(messageFrame('chat:a', 'e', 7, record))).toEqual({
            type: 'message',
            version: 1,
            channel: 'chat:a',
            epoch: 'e',
            seq: 7,
            ...JSON.parse(JSON.stringify(header)),
            payload: JSON.parse(text),
          });
        },
      ),
    );
  });

  it('[RE3] shows its trace without being parsed', () => {
    expect(traceOfRecord(encodeRecord({ id: 'm', timestamp: 1, trace: TRACE }, '1'))).toBe(TRACE);
    expect(traceOfRecord(encodeRecord({ id: 'm', timestamp: 1 }, `{"trace":"${TRACE}"}`))).toBeUndefined();
    expect(traceOfRecord(encodeRecord({ id: 'm'.repeat(64), timestamp: 1 }, '1'))).toBeUndefined();
  });
});

describe('channel names', () => {
  it.each([
    ['a', undefined],
    ['chat:room/1.2@x=y+z,~#', undefined],
    ['', 'empty'],
    ['a'.repeat(200), undefined],
    ['a'.repeat(201), 'too-long'],
    ['#personal', 'reserved'],
    ['a b', 'bad-character'],
    ['ä', 'bad-character'],
    ['a"b', 'bad-character'],
    ['a*', 'bad-character'],
    [7, 'not-a-string'],
  ])('[CH1] %j: %s', (name, fault) => {
    expect(channelNameFault(name)).toBe(fault);
  });

  it('[CH2] the namespace is what stands before the first colon', () => {
    expect(['chat:a:b', 'news', ':odd'].map(namespaceOf)).toEqual(['chat', 'default', 'default']);
  });
});

it('[CL2] the range of every close code says what to do', () => {
  expect(Object.values(CLOSES).map(({ code }) => afterClose(code))).toEqual([
    'reconnect',
    'reconnect',
    'reconnect',
    'reconnect',
    'reconnect',
    'reconnect',
    'new-token',
    'new-token',
    'new-token',
    'stay-closed',
    'stay-closed',
    'stay-closed',
    'stay-closed',
  ]);
  expect([1000, 1006, 1009, 4999].map(afterClose)).toEqual(Array(4).fill('reconnect'));
});
