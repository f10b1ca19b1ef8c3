/** The tables. `carillon.proto` says the same for others; a test holds them against each other. */
import type { ErrorBody, Position } from '../frame-parts.ts';
import type {
  ClientFrame,
  MessageFrame,
  ProducerStamp,
  ServerFrame,
  SubscribeRequest,
  SubscribeResult,
  UnsubscribedFrame,
} from '../frames.ts';
import type { ResponderFailure } from '../request-frames.ts';
import type { BatchRequest, ConnectedFrame, ConnectFrame } from '../session-frames.ts';
import {
  type Fields,
  flag,
  frames,
  list,
  nested,
  optional,
  payload,
  requestId,
  type Shape,
  shape,
  text,
  texts,
  uint,
} from './fields.ts';

/** A frame within `ClientFrame` or `ServerFrame` of the schema. */
interface FrameShape<T> {
  readonly no: number;
  readonly shape: Shape<T>;
}

/** Every type of frame has to be in the table, with every member but `type` and the request id. */
type FrameShapes<Frame extends { readonly type: string }, IdMember extends string> = {
  readonly [Type in Frame['type']]: FrameShape<Omit<Extract<Frame, { type: Type }>, 'type' | IdMember>>;
};

const frame = <T>(no: number, fields: NoInfer<Fields<T>>): FrameShape<T> => ({ no, shape: shape<T>(fields) });

const POSITION = shape<Position>({ epoch: text(1), seq: uint(2) });
const ERROR_BODY = shape<ErrorBody>({
  code: text(1),
  message: text(2),
  retryable: flag(3),
  retryAfterMs: optional(uint(4)),
});
const MESSAGE = shape<Omit<MessageFrame, 'type'>>({
  channel: text(1),
  payload: payload(2),
  epoch: text(4),
  seq: uint(5),
  id: text(6),
  timestamp: uint(7),
  version: uint(8),
  event: optional(text(9)),
  user: optional(text(10)),
  producer: optional(text(11)),
  trace: optional(text(12)),
});

export const CLIENT_FRAMES: FrameShapes<ClientFrame, 'id'> = {
  connect: frame(3, {
    token: optional(text(1)),
    version: optional(uint(2)),
    session: optional(text(3)),
    client: optional(
      nested(4, shape<NonNullable<ConnectFrame['client']>>({ name: text(1), version: text(2) })),
    ),
    batch: optional(nested(5, shape<BatchRequest>({ size: optional(uint(1)), delayMs: optional(uint(2)) }))),
  }),
  refresh: frame(4, { token: text(1) }),
  subscribe: frame(5, {
    channels: list(
      1,
      shape<SubscribeRequest>({
        channel: text(1),
        position: optional(nested(2, POSITION)),
        consumer: optional(text(3)),
      }),
    ),
  }),
  unsubscribe: frame(6, { channels: texts(1) }),
  publish: frame(7, {
    channel: text(1),
    payload: payload(2),
    event: optional(text(4)),
    producer: optional(
      nested(5, shape<ProducerStamp>({ id: text(1), seq: uint(2), prev: optional(uint(3)) })),
    ),
    stored: optional(flag(6)),
    trace: optional(text(7)),
  }),
  history: frame(8, {
    channel: text(1),
    after: optional(nested(2, POSITION)),
    before: optional(nested(3, POSITION)),
    limit: optional(uint(4)),
  }),
  ack: frame(9, { channel: text(1), epoch: text(2), seq: uint(3) }),
  ping: frame(10, { timestamp: optional(uint(1)) }),
  request: frame(11, {
    method: text(1),
    payload: payload(2),
    timeoutMs: optional(uint(4)),
    trace: optional(text(5)),
  }),
  cancel: frame(12, { re: requestId(1) }),
  serve: frame(13, { methods: texts(1), concurrency: optional(uint(2)) }),
  response: frame(14, {
    re: text(1),
    payload: optional(payload(2)),
    error: optional(
      nested(
        4,
        shape<ResponderFailure>({
          message: text(1),
          reason: optional(text(2)),
          retryable: optional(flag(3)),
        }),
      ),
    ),
  }),
};

const MESSAGES = frames<MessageFrame>(3, 'message', MESSAGE);

export const SERVER_FRAMES: FrameShapes<ServerFrame, 're'> = {
  message: { no: 3, shape: MESSAGE },
  connected: frame(4, {
    version: uint(1),
    connection: text(2),
    gateway: text(3),
    user: optional(text(4)),
    expiresAt: optional(uint(5)),
    timestamp: uint(6),
    degraded: optional(flag(7)),
    limits: nested(
      8,
      shape<ConnectedFrame['limits']>({
        maxFrameBytes: uint(1),
        maxSubscriptions: uint(2),
        maxChannelsPerFrame: optional(uint(3)),
      }),
    ),
    heartbeat: nested(9, shape<ConnectedFrame['heartbeat']>({ pingIntervalMs: uint(1), timeoutMs: uint(2) })),
    batch: optional(nested(10, shape<Required<BatchRequest>>({ size: uint(1), delayMs: uint(2) }))),
  }),
  refreshed: frame(5, { expiresAt: optional(uint(1)), timestamp: uint(2) }),
  token_expiring: frame(6, { expiresAt: uint(1), timestamp: uint(2) }),
  ended: frame(7, {
    channel: text(1),
    code: text(2),
    message: text(3),
    retryable: flag(4),
    retryAfterMs: optional(uint(5)),
  }),
  subscribed: frame(8, {
    results: list(
      1,
      shape<SubscribeResult>({
        channel: text(1),
        epoch: optional(text(2)),
        seq: optional(uint(3)),
        error: optional(nested(4, ERROR_BODY)),
        recovered: optional(flag(5)),
        reason: optional(text(6)),
        missed: optional(uint(7)),
        acked: optional(nested(8, POSITION)),
      }),
    ),
  }),
  unsubscribed: frame(9, {
    results: list(
      1,
      shape<UnsubscribedFrame['results'][number]>({
        channel: text(1),
        error: optional(nested(2, ERROR_BODY)),
      }),
    ),
  }),
  accepted: frame(10, {
    channel: text(1),
    epoch: text(2),
    seq: uint(3),
    id: text(4),
    duplicate: optional(flag(5)),
    degraded: optional(flag(6)),
  }),
  stored: frame(11, { channel: text(1), epoch: text(2), seq: uint(3) }),
  history: frame(12, { channel: text(1), more: flag(2), messages: MESSAGES, reason: optional(text(4)) }),
  pong: frame(13, { timestamp: optional(uint(1)), serverTime: uint(2) }),
  gap: frame(14, {
    channel: text(1),
    epoch: text(2),
    seq: uint(3),
    reason: text(4),
    from: nested(5, POSITION),
  }),
  error: frame(15, {
    code: text(1),
    message: text(2),
    retryable: flag(3),
    retryAfterMs: optional(uint(4)),
    reason: optional(text(5)),
    lastSeq: optional(uint(6)),
  }),
  status: frame(16, { degraded: flag(1), timestamp: uint(2) }),
  disconnect: frame(17, {
    code: uint(1),
    reason: text(2),
    reconnect: flag(3),
    retryAfterMs: optional(uint(4)),
  }),
  message_batch: frame(18, { messages: MESSAGES }),
  response: frame(19, { payload: payload(1) }),
  serving: frame(20, { methods: texts(1) }),
  request: frame(21, {
    id: text(1),
    payload: payload(2),
    method: text(4),
    timeoutMs: uint(5),
    user: optional(text(6)),
    role: optional(text(7)),
    session: optional(text(8)),
    connection: optional(text(9)),
    trace: optional(text(10)),
    roles: optional(texts(11)),
  }),
  cancel: frame(22, {}),
};
