import { encodeFrame } from '../egress/server-frames.ts';
import type { Handler } from './handlers.ts';

export const onPing: Handler<'ping'> = (_deps, connection, { id, timestamp }) => {
  connection.sendFrame(
    encodeFrame({
      type: 'pong',
      re: id,
      ...(timestamp === undefined ? {} : { timestamp }),
      serverTime: Date.now(),
    }),
  );
  return undefined;
};
