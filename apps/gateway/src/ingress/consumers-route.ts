import type { Broker } from '@carillon/broker';
import { CarillonError, channelNameFault } from '@carillon/protocol';
import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { identityOf } from '../admission/http-admission.ts';
import { channelKey } from '../channels/channel-name.ts';
import { mayRead } from '../session/read-permission.ts';
import { readConsumerName } from './consumer-subscription.ts';
import { permissionError } from './permission-error.ts';

export interface ConsumersRouteDependencies {
  readonly authenticate: onRequestAsyncHookHandler;
  readonly broker: Pick<Broker, 'acks' | 'history'>;
}

/** `GET /v1/channels/{channel}/consumers`: how far each consumer of a channel has got. [AK1] */
export function registerConsumers(
  server: FastifyInstance,
  { authenticate: onRequest, broker }: ConsumersRouteDependencies,
): void {
  server.get('/v1/channels/:channel/consumers', { onRequest }, async (request, reply) => {
    const { channel } = request.params as { channel: string };
    const identity = identityOf(request);
    if (channelNameFault(channel) !== undefined) throw new CarillonError('CHANNEL_INVALID');
    if (!mayRead({ identity }, 'history', channel))
      throw permissionError(identity, `seeing the consumers of ${channel}`, 'history', { channel });
    const key = channelKey(identity.app, channel);
    const [{ top }, cursors] = await Promise.all([
      broker.history.latest(key, { limit: 1 }),
      broker.acks.list(key),
    ]);
    reply.header('cache-control', 'no-store');
    return {
      channel,
      position: top === undefined ? null : { epoch: top.epoch, seq: top.seq },
      consumers: cursors.map(({ consumer, epoch, seq, atMs }) => ({
        ...readConsumerName(consumer),
        acked: { epoch, seq },
        // Of another epoch: what is open there can't be counted from here.
        open: top !== undefined && top.epoch === epoch ? top.seq - seq : null,
        at: atMs,
      })),
    };
  });
}
