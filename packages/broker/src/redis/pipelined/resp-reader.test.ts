import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolBreak, RedisReplyError, type Reply, RespReader } from './resp-reader.ts';

/** Stands before what came as a push. */
const PUSHED = 'pushed';

/** The bytes of a reply, in one of the forms that RESP3 has for it. */
function bytesOf(reply: Reply): string {
  if (reply === null) return '_\r\n';
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  if (reply instanceof RedisReplyError) return `-${reply.message}\r\n`;
  return `*${reply.length}\r\n${reply.map(bytesOf).join('')}`;
}

const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.constant(null),
    fc.constantFrom('ERR no', 'NOSCRIPT none').map((text) => new RedisReplyError(text)),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}));

function readIn(pieces: readonly Buffer[]): Reply[] {
  const replies: Reply[] = [];
  const reader = new RespReader(
    (reply) => replies.push(reply),
    (push) => replies.push([PUSHED, push]),
  );
  for (const piece of pieces) reader.push(piece);
  return replies;
}

describe('replies of Redis', () => {
  it('are read as they were written, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyReply, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 12 }),
        (replies, cuts) => {
          const bytes = Buffer.from(replies.map(bytesOf).join(''));
          const at = [
            0,
            ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
            bytes.length,
          ];
          const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          expect(readIn(pieces)).toEqual(replies);
        },
      ),
    );
  });

  it('come byte by byte', () => {
    const replies: Reply[] = [[1, 'ä€', [null, 'x'.repeat(300)]], 'end'];
    const bytes = Buffer.from(replies.map(bytesOf).join(''));
    expect(readIn(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(replies);
  });

  it.each([
    [
      '%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*0\r\n',
      [
        ['a', 1],
        ['b', []],
      ],
    ],
    ['~1\r\n+OK\r\n', ['OK']],
    ['>2\r\n$8\r\nsmessage\r\n$1\r\nx\r\n', [PUSHED, ['smessage', 'x']]],
    ['#t\r\n', 1],
    ['$-1\r\n', null],
    ['*-1\r\n', null],
    [',1.5\r\n', '1.5'],
    [':-12\r\n', -12],
  ] as const)('%j', (text, reply) => {
    expect(readIn([Buffer.from(text)])).toEqual([reply]);
  });

  it('that are none end the connection', () => {
    expect(() => readIn([Buffer.from('HTTP/1.1 400 Bad Request\r\n')])).toThrow(ProtocolBreak);
    expect(() => readIn([Buffer.from('*1\r\n'.repeat(40))])).toThrow(ProtocolBreak);
  });

  it('of many megabytes cost a time that grows with their size only', () => {
    const entries = 800;
    const entry = ['1-1', Array.from({ length: 512 }, (_, i) => (i % 2 === 0 ? 'm' : 'x'.repeat(200)))];
    const all = Buffer.from(`*1\r\n*2\r\n${bytesOf('feed')}*${entries}\r\n${bytesOf(entry).repeat(entries)}`);
    const pieces = Array.from({ length: Math.ceil(all.length / 65_536) }, (_, i) =>
      all.subarray(i * 65_536, (i + 1) * 65_536),
    );
    const [reply] = readIn(pieces) as [[[string, Reply[]]]];
    expect(reply[0][1]).toHaveLength(entries);
    expect(reply[0][1].at(-1)).toEqual(entry);
  }, 10_000);
});
