import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ChannelKey, Dedupe } from '../../ports.ts';
import { newChannel } from '../channel-state.ts';
import { messageJson } from './message-json.ts';

const text = fc.string({ unit: 'binary' });
const number = fc.nat();
const dedupe: fc.Arbitrary<Dedupe | undefined> = fc.option(
  fc.oneof(
    fc.record({
      kind: fc.constant('producer' as const),
      producer: text,
      seq: number,
      prev: number,
      fingerprint: number,
    }),
    fc.record({ kind: fc.constant('key' as const), key: text, ttlMs: number, fingerprint: number }),
  ),
  { nil: undefined },
);

it('is what JSON.stringify makes of the entry', () => {
  const publication = fc.record({
    id: text,
    dedupe,
    history: fc.option(fc.record({ maxMessages: number, ttlMs: number }), { nil: undefined }),
    former: fc.option(fc.record({ epoch: text, seq: number }), { nil: undefined }),
    log: fc.option(number, { nil: undefined }),
  });
  fc.assert(
    fc.property(text, publication, number, (name, { history, log, ...rest }, atMs) => {
      const channel = newChannel(`app/${name}` as ChannelKey, 0, { epoch: '0abcdefghijk', seq: 7 });
      const given = { channel: channel.key, record: '', keeping: { history, durable: true }, ...rest };
      expect(JSON.parse(messageJson(channel, given, atMs, log))).toEqual(
        JSON.parse(
          JSON.stringify({
            ...{ type: 'message', channel: channel.key, epoch: channel.epoch, seq: 7, atMs, history, log },
            ...rest,
          }),
        ),
      );
    }),
  );
});
