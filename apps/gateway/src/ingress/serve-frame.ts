import { CarillonError, type ReceivedFrame, type RequestId, readClientFrame } from '@carillon/protocol';
import { readProtobufFrame } from '@carillon/protocol/protobuf';
import { type Counter, type Family, type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import { errorFrame, toCarillonError } from '../egress/server-frames.ts';
import { onCancel, onRequest, onResponse, onServe } from '../requests/on-requests.ts';
import type { Connection } from '../session/connection.ts';
import type { Received } from '../session/inbox.ts';
import { isBudgetSpent } from './error-budget.ts';
import type { HandlerDependencies } from './frame-handlers.ts';
import { onAck } from './on-ack.ts';
import { onConnect } from './on-connect.ts';
import { onHistory } from './on-history.ts';
import { onPing } from './on-ping.ts';
import { onPublish } from './on-publish.ts';
import { onRefresh } from './on-refresh.ts';
import { onSubscribe } from './on-subscribe.ts';
import { onUnsubscribe } from './on-unsubscribe.ts';

export interface FrameLimits {
  readonly maxFrameBytes: number;
  readonly maxFrameDepth: number;
  readonly maxChannelsPerFrame: number;
  readonly maxInvalidFrames: number;
}

/** Reads a frame, checks it against the connection's state, and hands it to the handler of its type. */
export class ServeFrame {
  readonly #deps: HandlerDependencies;
  readonly #limits: FrameLimits;
  readonly #received: Family<Counter>;
  readonly #invalid: Family<Counter>;
  readonly #logger: Logger;

  constructor(deps: HandlerDependencies, limits: FrameLimits, telemetry: Telemetry) {
    this.#deps = deps;
    this.#limits = limits;
    this.#received = telemetry.metrics.counters(METRICS.framesIn);
    this.#logger = telemetry.loggerOf('ingress');
    this.#invalid = telemetry.metrics.counters(METRICS.framesInvalid);
  }

  /** A promise holds up the connection's later frames. Never rejects. */
  serve(connection: Connection, data: Received): Promise<void> | undefined {
    if (connection.state === 'closing') return undefined;
    const reading =
      typeof data === 'string' ? readClientFrame(data, this.#limits) : readProtobufFrame(data, this.#limits);
    if ('error' in reading) {
      this.refuse(connection, reading.error, reading.re);
      return undefined;
    }
    const { frame } = reading;
    this.#received.labels(frame.type).add();
    const next = connection.apply(frame.type === 'connect' ? 'connect' : 'request');
    if (next === 'out-of-state') {
      this.refuse(connection, outOfState(connection, frame), frame.id);
      return undefined;
    }
    return this.#handle(connection, frame)?.catch((error: unknown) => {
      this.#logger.error(
        { err: error, connectionId: connection.connectionId, type: frame.type },
        'a frame could not be served',
      );
      connection.sendFrame(errorFrame(toCarillonError(error), frame.id));
    });
  }

  /** Answers with an error; the connection lives until it has spent its budget of invalid frames. */
  refuse(connection: Connection, error: CarillonError, re: RequestId | undefined): void {
    this.#invalid.labels(error.code).add();
    connection.sendFrame(errorFrame(error, re));
    if (!isBudgetSpent(connection, this.#limits.maxInvalidFrames)) return;
    connection.sendFrame(
      errorFrame(
        new CarillonError(
          'TOO_MANY_ERRORS',
          `More than ${this.#limits.maxInvalidFrames} invalid frames came within a minute.`,
        ),
        undefined,
      ),
    );
    connection.close('PROTOCOL_ABUSE');
  }

  #handle(connection: Connection, frame: ReceivedFrame): Promise<void> | undefined {
    switch (frame.type) {
      case 'connect':
        return onConnect(this.#deps, connection, frame);
      case 'refresh':
        return onRefresh(this.#deps, connection, frame);
      case 'subscribe':
        return onSubscribe(this.#deps, connection, frame);
      case 'unsubscribe':
        return onUnsubscribe(this.#deps, connection, frame);
      case 'publish':
        return onPublish(this.#deps, connection, frame);
      case 'history':
        return onHistory(this.#deps, connection, frame);
      case 'ack':
        return onAck(this.#deps, connection, frame);
      case 'request':
        return onRequest(this.#deps, connection, frame);
      case 'cancel':
        return onCancel(this.#deps, connection, frame);
      case 'serve':
        return onServe(this.#deps, connection, frame);
      case 'response':
        return onResponse(this.#deps, connection, frame);
      case 'ping':
        return onPing(this.#deps, connection, frame);
    }
  }
}

function outOfState(connection: Connection, { type }: ReceivedFrame): CarillonError {
  const text =
    connection.state === 'greeting'
      ? `A ${type} frame came before connect. Send connect first.`
      : `A ${type} frame is not allowed while the connection is ${connection.state}.`;
  return new CarillonError('FRAME_OUT_OF_STATE', text);
}
