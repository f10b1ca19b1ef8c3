import type { AcceptedFrame, HistoryFrame, MessageFrame, ServerFrame } from '@carillon/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway } from '../running-gateway.suite.ts';

interface Page {
  readonly type: 'history';
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
}

const DEFAULT_SEND_QUEUE_BYTES = 1_048_576;

let gateway: RunningGateway;
beforeEach(async () => {
  gateway = await startGateway({
    CARILLON_NAMESPACES: '{"big":{"durable":false,"history":{"maxMessages":5000}}}',
  });
});
afterEach(() => gateway.stop());

it.each([
  ['letters of two bytes', 'ж'.repeat(15_000), 120],
  ['short messages in great number', 'x'.repeat(900), 900],
])(
  '[HI1] an answer fits into half of the send queue, and `more` leads on: %s',
  async (_name, payload, count) => {
    const peer = await BarePeer.join(gateway.port, 'ada');
    for (let i = 0; i < count; i++)
      await peer.ask<AcceptedFrame>({ type: 'publish', channel: 'big:a', payload });
    const seqs: number[] = [];
    let before: { epoch: string; seq: number } | undefined;
    for (let more = true; more; ) {
      const ask: Omit<HistoryFrame, 'id'> = {
        type: 'history',
        channel: 'big:a',
        limit: 1000,
        ...(before && { before }),
      };
      const page = (await peer.ask<ServerFrame>(ask)) as unknown as Page;
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(DEFAULT_SEND_QUEUE_BYTES / 2);
      seqs.push(...page.messages.map(({ seq }) => seq));
      ({ more } = page);
      before = page.messages.at(-1);
    }
    expect(seqs.length).toBeGreaterThan(count / 2);
    expect(seqs).toEqual(Array.from(seqs, (_, i) => count - i));
    peer.socket.terminate();
  },
);
