/** [HI4] A page of history says when the position that it was asked for is none of the channel. */
import type { HistoryEntry, HotHistory, Lineage } from '@carillon/broker';
import type { AcceptedFrame, HistoryFrame, HistoryResultFrame, ServerFrame } from '@carillon/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';
import { judgePosition } from './judge-position.ts';

describe('[HI4] the reason of a page', () => {
  let gateway: RunningGateway;
  let epoch: string;
  beforeAll(async () => {
    gateway = await startGateway({ CARILLON_NAMESPACES: '{"live":{"durable":false,"history":{}}}' });
    const peer = await BarePeer.join(gateway.port, 'ada');
    for (let n = 1; n <= 3; n++)
      epoch = (await peer.ask<AcceptedFrame>({ type: 'publish', channel: 'live:a', payload: n })).epoch;
    peer.socket.terminate();
  });
  afterAll(() => gateway.stop());

  /** `present`: the channel's epoch. */
  const CASES = [
    ['after', 'present', 1, 'live:a', undefined, [2, 3]],
    ['after', 'present', 3, 'live:a', undefined, []],
    ['after', 'present', 4, 'live:a', 'position-ahead', []],
    ['after', '000000000000', 2, 'live:a', 'epoch-changed', [1, 2, 3]],
    ['before', 'present', 3, 'live:a', undefined, [2, 1]],
    ['before', 'present', 1, 'live:a', undefined, []],
    ['before', 'present', 4, 'live:a', undefined, [3, 2, 1]],
    ['before', 'present', 6, 'live:a', 'position-ahead', [3, 2, 1]],
    ['before', '000000000000', 2, 'live:a', 'epoch-changed', []],
    ['after', '000000000000', 0, 'live:empty', undefined, []],
    ['after', '000000000000', 5, 'live:empty', 'epoch-changed', []],
  ] as const;

  it.each(CASES)('%s %s:%i of %s is %s', async (side, given, seq, channel, reason, seqs) => {
    const position = { epoch: given === 'present' ? epoch : given, seq };
    for (const encoding of ['json', 'protobuf'] as const) {
      const peer = await BarePeer.join(gateway.port, 'ada', encoding);
      const ask: Omit<HistoryFrame, 'id'> = { type: 'history', channel, [side]: position };
      const page = (await peer.ask<ServerFrame>(ask)) as HistoryResultFrame;
      peer.socket.terminate();
      expect([page.reason, page.messages.map((message) => message.seq)]).toEqual([reason, seqs]);
    }
    const query = `${side}_epoch=${position.epoch}&${side}_seq=${seq}`;
    const response = await fetch(
      `http://127.0.0.1:${gateway.port}/v1/channels/${channel}/messages?${query}`,
      { headers: { authorization: `Bearer ${await tokenOf('ada')}` } },
    );
    const page = (await response.json()) as HistoryResultFrame;
    expect([page.reason, page.messages.map((message) => message.seq)]).toEqual([reason, seqs]);
  });
});

describe('[HI4] a position of an earlier epoch', () => {
  const top: Lineage = {
    epoch: 'c',
    seq: 5,
    before: [{ epoch: 'b', lastSeq: 7, isFinal: true, isLossy: false }],
  };
  const asked: number[] = [];
  const latest: HotHistory['latest'] = async (_channel, { limit }) => {
    asked.push(limit);
    return { top, entries: [] };
  };
  const judge = (
    position: { epoch: string; seq: number },
    entries: readonly HistoryEntry[] = [],
    side: 'after' | 'before' = 'after',
  ) =>
    judgePosition(
      { history: { latest } as HotHistory },
      {
        ...{ channel: { app: 'default', channel: 'chat:a' } as never, position, side, entries },
        cold: async (epoch, seq) => (epoch === 'a' && seq <= 9 ? [{ epoch, seq, record: '{}\n1' }] : []),
      },
    );

  it.each([
    ['b', 7, undefined],
    ['b', 8, 'epoch-changed'],
    ['a', 9, undefined],
    ['a', 10, 'epoch-changed'],
    ['z', 1, 'epoch-changed'],
  ] as const)('%s:%i is %s', async (epoch, seq, reason) => {
    expect(await judge({ epoch, seq })).toBe(reason);
  });

  it('behind which the page goes on costs no question', async () => {
    asked.length = 0;
    expect(await judge({ epoch: 'z', seq: 1 }, [{ epoch: 'z', seq: 2, record: '{}\n1' }])).toBeUndefined();
    expect(
      await judge({ epoch: 'z', seq: 2 }, [{ epoch: 'z', seq: 1, record: '{}\n1' }], 'before'),
    ).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
