import type { AcceptedFrame, ErrorFrame, ServerFrame } from '@carillon/protocol';
import { expect, it } from 'vitest';
import { BarePeer, startGateway } from '../running-gateway.suite.ts';

it('[PU4] a message whose predecessor has not arrived is refused with the last sequence that has', async () => {
  const gateway = await startGateway();
  for (const encoding of ['json', 'protobuf'] as const) {
    const peer = await BarePeer.join(gateway.port, 'ada', encoding);
    const publish = (seq: number) => ({
      type: 'publish' as const,
      channel: 'chat:a',
      payload: seq,
      producer: { id: `producer-${encoding}`, seq },
    });
    await peer.ask<AcceptedFrame>(publish(1));
    const refused = (await peer.ask<ServerFrame>(publish(3))) as ErrorFrame;
    expect(refused).toMatchObject({ code: 'PRODUCER_OUT_OF_ORDER', retryable: true, lastSeq: 1 });
    peer.socket.terminate();
  }
  await gateway.stop();
});
