import { extractToken } from '@carillon/auth';
import type { Broker } from '@carillon/broker';
import { CarillonError, channelNameFault } from '@carillon/protocol';
import type { FastifyInstance } from 'fastify';
import { channelKey } from '../channels/channel-name.ts';
import type { Authenticator } from '../session/authenticate.ts';
import { mayRead } from '../session/readable.ts';
import { readConsumerName } from './consumer-subscription.ts';
import { missingCapability } from './missing-capability.ts';

export interface ConsumersRouteDependencies {
  readonly authenticator: Authenticator;
  readonly broker: Pick<Broker, 'acks' | 'history'>;
}

/** `GET /v1/channels/{channel}/consumers`: how far each consumer of a channel has got. [AK1] */
export function registerConsumers(
  server: FastifyInstance,
  { authenticator, broker }: ConsumersRouteDependencies,
): void {
  server.get('/v1/channels/:channel/consumers', async (request, reply) => {
    const { headers, url } = request;
    const { channel } = request.params as { channel: string };
    const identity = await authenticator.authenticate(
      extractToken({ authorization: headers.authorization, url })?.token,
    );
    if (channelNameFault(channel) !== undefined) throw new CarillonError('CHANNEL_INVALID');
    if (!mayRead({ identity }, 'history', channel))
      throw missingCapability(identity, `seeing the consumers of ${channel}`, 'history', { channel });
    const key = channelKey(identity.app, channel);
    const [{ top }, cursors] = await Promise.all([
      broker.history.latest(key, { limit: 1 }),
      broker.acks.list(key),
    ]);
    reply.header('cache-control', 'no-store');
    return {
      channel,
      position: top ?? null,
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
