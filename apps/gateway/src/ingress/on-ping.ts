import { encodeFrame } from '../egress/server-frames.ts';
import type { Handler } from './frame-handlers.ts';

export const onPing: Handler<'ping'> = ({ nowMs }, connection, { id, timestamp }) => {
  connection.sendFrame(
    encodeFrame({
      type: 'pong',
      re: id,
      ...(timestamp === undefined ? {} : { timestamp }),
      serverTime: nowMs(),
    }),
  );
  return undefined;
};
