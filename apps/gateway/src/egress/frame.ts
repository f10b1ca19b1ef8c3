import type {
  AcceptedFrame,
  HistoryReason,
  MessageFrame,
  RequestId,
  ServerFrame,
  ServerFrameType,
} from '@carillon/protocol';
import { decodeRecord, messageFrame, type Position } from '@carillon/protocol';
import { encodeServerFrame, messageBytes, TEXTS } from '@carillon/protocol/protobuf';
import { binaryFrame } from './binary-frame.ts';
import { textFrame } from './text-frame.ts';

/** Encoding of a connection, by its negotiated subprotocol. */
export type EncodingName = 'json' | 'protobuf';

/** A frame that is made, in each encoding, when the first connection that speaks it gets it. All others get the same bytes. */
export abstract class Frame {
  /** Says something about the messages before it: those that wait for their batch leave first. [BA3] */
  readonly keepsOrder: boolean;
  #json: Buffer | undefined;
  #protobuf: Buffer | undefined;

  constructor(keepsOrder: boolean) {
    this.keepsOrder = keepsOrder;
  }

  /** Ready to be written to any number of sockets. */
  in(encoding: EncodingName): Buffer {
    if (encoding === 'json') {
      this.#json ??= textFrame(this.json());
      return this.#json;
    }
    this.#protobuf ??= binaryFrame(this.protobuf());
    return this.#protobuf;
  }

  /** Of what was sent; in JSON, if that was made. */
  get byteLength(): number {
    return (this.#json ?? this.#protobuf)?.length ?? 0;
  }

  protected abstract json(): string;
  protected abstract protobuf(): Uint8Array;
}

const KEEPS_ORDER: ReadonlySet<ServerFrameType> = new Set([
  'gap',
  'ended',
  'refreshed',
  'unsubscribed',
  'status',
  'disconnect',
]);

/** A frame without a payload. */
export class PlainFrame extends Frame {
  readonly #frame: ServerFrame;

  constructor(frame: ServerFrame) {
    super(KEEPS_ORDER.has(frame.type));
    this.#frame = frame;
  }

  protected override json(): string {
    return JSON.stringify(this.#frame);
  }

  protected override protobuf(): Uint8Array {
    return encodeServerFrame(this.#frame, TEXTS);
  }
}

type WithoutPayload<OneFrame> = OneFrame extends ServerFrame ? Omit<OneFrame, 'payload'> : never;

/** A frame with a payload that passes as it came. */
export class PayloadFrame extends Frame {
  readonly #frame: ServerFrame;
  readonly #payloadJson: string;

  /** @param frame all members but the payload */
  constructor(
    frame: WithoutPayload<Extract<ServerFrame, { readonly payload: unknown }>>,
    payloadJson: string,
  ) {
    super(false);
    this.#frame = frame as ServerFrame;
    this.#payloadJson = payloadJson;
  }

  protected override json(): string {
    return `${JSON.stringify(this.#frame).slice(0, -1)},"payload":${this.#payloadJson}}`;
  }

  protected override protobuf(): Uint8Array {
    return encodeServerFrame({ ...this.#frame, payload: this.#payloadJson } as ServerFrame, TEXTS);
  }
}

/** A message of a channel, made of its record. */
export class MessageFrames extends Frame implements HistoryMessage {
  readonly #channel: string;
  readonly epoch: string;
  readonly seq: number;
  readonly record: string;

  constructor(channel: string, epoch: string, seq: number, record: string) {
    super(false);
    this.#channel = channel;
    this.epoch = epoch;
    this.seq = seq;
    this.record = record;
  }

  protected override json(): string {
    return messageFrame(this.#channel, this.epoch, this.seq, this.record);
  }

  protected override protobuf(): Uint8Array {
    return messageBytes(this.#channel, this.epoch, this.seq, this.record);
  }
}

interface HistoryPage {
  readonly entries: readonly HistoryMessage[];
  readonly more: boolean;
  readonly reason: HistoryReason | undefined;
}

interface HistoryMessage extends Position {
  readonly record: string;
}

/** The answer to a publish, joined instead of encoded: there is one per message. */
export class AcceptedFrames extends Frame {
  readonly #frame: AcceptedFrame;

  constructor(frame: AcceptedFrame) {
    super(false);
    this.#frame = frame;
  }

  protected override json(): string {
    const { re, channel, epoch, seq, id, duplicate, degraded } = this.#frame;
    return `{"type":"accepted","re":${JSON.stringify(re)},"channel":"${channel}","epoch":"${epoch}","seq":${seq},"id":"${id}"${duplicate === true ? ',"duplicate":true' : ''}${degraded === true ? ',"degraded":true' : ''}}`;
  }

  protected override protobuf(): Uint8Array {
    return encodeServerFrame(this.#frame, TEXTS);
  }
}

/** [HI1] The answer to `history`. Payloads go out as they were published. */
export class HistoryFrames extends Frame {
  readonly #re: RequestId;
  readonly #channel: string;
  readonly #page: HistoryPage;

  constructor(re: RequestId, channel: string, page: HistoryPage) {
    super(false);
    this.#re = re;
    this.#channel = channel;
    this.#page = page;
  }

  protected override json(): string {
    const { entries, more, reason } = this.#page;
    const messages = entries.map(({ epoch, seq, record }) => messageFrame(this.#channel, epoch, seq, record));
    const why = reason === undefined ? '' : `,"reason":"${reason}"`;
    return `{"type":"history","re":${JSON.stringify(this.#re)},"channel":"${this.#channel}","messages":[${messages.join(',')}],"more":${more}${why}}`;
  }

  protected override protobuf(): Uint8Array {
    const channel = this.#channel;
    const { entries, more, reason } = this.#page;
    const messages = entries.map(({ epoch, seq, record }): MessageFrame => {
      const { header, payload } = decodeRecord(record);
      return { type: 'message', version: 1, channel, epoch, seq, ...header, payload };
    });
    const why = reason === undefined ? {} : { reason };
    return encodeServerFrame({ type: 'history', re: this.#re, channel, messages, more, ...why }, TEXTS);
  }
}
