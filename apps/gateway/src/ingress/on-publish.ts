import type { ReceivedPublish } from '@carillon/protocol';
import { channelKey } from '../channels/channel-name.ts';
import { AcceptedFrames } from '../egress/frame.ts';
import { encodeFrame, errorFrame } from '../egress/server-frames.ts';
import type { Connection } from '../session/connection.ts';
import type { Handler, HandlerDependencies } from './frame-handlers.ts';
import type { GatewayOutcome } from './publish-message.ts';

/** [PU1] Later frames don't wait for the log: the order of the calls is the order of the messages. */
export const onPublish: Handler<'publish'> = (deps, connection, frame) => {
  const { channel, payloadJson, event, producer, trace } = frame;
  const wantsStored = frame.stored === true;
  deps.publishMessage.send(
    connection.identity!,
    'ws',
    { channel, payloadJson, event, producer, trace, wantsStored, connection },
    (outcome) => answer(deps, connection, frame, outcome),
  );
  return undefined;
};

function answer(
  { stored }: HandlerDependencies,
  connection: Connection,
  frame: ReceivedPublish,
  outcome: GatewayOutcome,
): void {
  const { id: re, channel } = frame;
  if (outcome.status === 'refused') {
    connection.sendFrame(errorFrame(outcome.error, re));
    return;
  }
  const { epoch, seq, id, duplicate, degraded } = outcome;
  connection.sendFrame(
    new AcceptedFrames({
      type: 'accepted',
      re,
      channel,
      epoch,
      seq,
      id,
      ...(duplicate ? { duplicate } : {}),
      ...(degraded === true ? { degraded } : {}),
    }),
  );
  if (frame.stored !== true) return;
  stored.wait({ channel: channelKey(connection.identity!.app, channel), epoch, seq, id }, () =>
    connection.sendFrame(encodeFrame({ type: 'stored', re, channel, epoch, seq })),
  );
}
