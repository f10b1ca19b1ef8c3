/** A small server that speaks the protocol, for the SDK's tests: one process, history without an end, faults on demand. */
import type {
  ClientFrame,
  ErrorBody,
  MessageFrame,
  Position,
  PublishFrame,
  ServerFrame,
  SubscribeRequest,
  SubscribeResult,
} from '@carillon/protocol';

interface ProducerState {
  last: number;
  readonly results: Map<number, MessageFrame>;
}

interface PeerChannel {
  epoch: string;
  log: MessageFrame[];
  /** Messages up to this seq can't be given any more. */
  trimmedUpTo: number;
  readonly producers: Map<string, ProducerState>;
  /** Of the one consumer that a channel may have here. */
  acked?: Position;
}

export interface PeerConnection {
  receive(text: string): void;
  /** The transport is gone. */
  closed(): void;
}

interface Link {
  readonly send: (frame: ServerFrame) => void;
  readonly close: (code: number, reason: string) => void;
  readonly subscribed: Set<string>;
  user: string | undefined;
  /** [PU8] Whose producers those of this connection are. */
  owner: string;
  /** `verifying`: `connect` has come and is not answered yet. `closing`: it was refused. */
  state: 'greeting' | 'verifying' | 'ready' | 'closing';
  /** [CN8] What came behind a `connect` that is not answered yet. */
  waiting: ClientFrame[];
}

const outOfState: ErrorBody = {
  code: 'FRAME_OUT_OF_STATE',
  message: 'before connect',
  retryable: false,
};

export class ProtocolPeer {
  readonly #channels = new Map<string, PeerChannel>();
  readonly #links = new Set<Link>();
  readonly received: ClientFrame[] = [];
  #ids = 0;
  /** The broker is away: publishes get to this gateway's clients only, and are not remembered. */
  degraded = false;
  /** Hears a frame and does nothing. */
  ignore: (frame: ClientFrame) => boolean = () => false;
  /** Refuses a frame instead of doing what it asks for. */
  refuse: (frame: ClientFrame) => ErrorBody | undefined = () => undefined;
  /** Does what the frame asks for, and then answers with this error all the same. */
  answerWith: (frame: ClientFrame) => ErrorBody | undefined = () => undefined;
  /** Withholds a message from subscribers, as a broken server would. */
  withhold: (frame: MessageFrame) => boolean = () => false;
  /** Keeps an answer back; {@link release} sends those kept, in their order. */
  delayAnswer: (frame: ClientFrame, answer: ServerFrame) => boolean = () => false;
  #delayed: (() => void)[] = [];
  /** Closes the connection after refusing `connect`; `undefined`: it stays open [CN7]. */
  closeCodeAfterRefusal: number | undefined = 4101;
  maxFrameBytes = 65_536;
  maxChannelsPerFrame = 128;
  /** How long a token is good for, in milliseconds, by the server's clock; `undefined`: for ever. */
  tokenLifeMs: (token: string | undefined) => number | undefined = () => undefined;
  /** User of a token, sent in `connected`. */
  userOf: (token: string | undefined) => string | undefined = () => undefined;
  /** How far the server's clock is ahead. */
  clockAheadMs = 0;
  pingIntervalMs = 25_000;

  connection(transport: {
    send: (text: string) => void;
    close: (code: number, reason: string) => void;
  }): PeerConnection {
    const link: Link = {
      send: (frame) => transport.send(JSON.stringify(frame)),
      close: transport.close,
      subscribed: new Set(),
      user: undefined,
      owner: '',
      state: 'greeting',
      waiting: [],
    };
    this.#links.add(link);
    return {
      receive: (text) => this.#receive(link, JSON.parse(text) as ClientFrame),
      closed: () => this.#links.delete(link),
    };
  }

  get connections(): number {
    return this.#links.size;
  }

  log(channel: string): readonly MessageFrame[] {
    return this.#channel(channel).log;
  }

  /** Another client publishes. */
  publish(channel: string, payload: unknown): MessageFrame {
    return this.#append(channel, { payload });
  }

  /** Sends what was sent before once more. */
  repeat(channel: string, seq: number): void {
    const frame = this.#channel(channel).log[seq - 1];
    if (frame !== undefined) this.#fanOut(frame);
  }

  trim(channel: string): void {
    const state = this.#channel(channel);
    state.trimmedUpTo = state.log.length;
  }

  /** [AK4] Sends again what is not acknowledged. */
  redeliver(channel: string): void {
    const { log, acked } = this.#channel(channel);
    for (const frame of log.slice(acked?.seq ?? log.length)) this.#fanOut(frame);
  }

  acked(channel: string): Position | undefined {
    return this.#channel(channel).acked;
  }

  /** The channel's state is lost; the next message begins a new epoch. */
  newEpoch(channel: string, epoch: string): void {
    const state = this.#channel(channel);
    state.epoch = epoch;
    state.log = [];
    state.trimmedUpTo = 0;
    state.producers.clear();
  }

  /** Every producer was silent for longer than the server remembers one. */
  forgetProducers(): void {
    for (const { producers } of this.#channels.values()) producers.clear();
  }

  /** To every connection. */
  broadcast(frame: ServerFrame): void {
    for (const link of this.#links) link.send(frame);
  }

  /** Ends everybody's subscription to a channel, as after a token that no longer allows it. */
  end(channel: string, error: ErrorBody): void {
    for (const link of this.#links) {
      if (link.subscribed.delete(channel)) link.send({ type: 'ended', channel, ...error });
    }
  }

  closeAll(code: number, reason: string): void {
    for (const link of [...this.#links]) link.close(code, reason);
  }

  #channel(name: string): PeerChannel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const made: PeerChannel = { epoch: 'e1', log: [], trimmedUpTo: 0, producers: new Map() };
    this.#channels.set(name, made);
    return made;
  }

  #append(channel: string, rest: Pick<MessageFrame, 'payload'> & Partial<MessageFrame>): MessageFrame {
    const { epoch, log } = this.#channel(channel);
    const frame: MessageFrame = {
      type: 'message',
      version: 1,
      channel,
      epoch,
      seq: log.length + 1,
      id: `m${++this.#ids}`,
      timestamp: Date.now(),
      ...rest,
    };
    log.push(frame);
    this.#fanOut(frame);
    return frame;
  }

  #fanOut(frame: MessageFrame): void {
    if (this.withhold(frame)) return;
    for (const link of this.#links) if (link.subscribed.has(frame.channel)) link.send(frame);
  }

  #receive(link: Link, frame: ClientFrame): void {
    this.received.push(frame);
    if (link.state === 'verifying') link.waiting.push(frame);
    else if (link.state !== 'closing') this.#take(link, frame);
  }

  /** [CN8] Frames behind `connect` wait until that is answered. */
  #take(link: Link, frame: ClientFrame): void {
    if (frame.type === 'connect') link.state = 'verifying';
    if (this.ignore(frame)) return;
    const refused = link.state === 'greeting' ? outOfState : this.refuse(frame);
    if (refused !== undefined) {
      link.send({ type: 'error', re: frame.id, ...refused });
      if (frame.type === 'connect') this.#onRefused(link, refused);
      return;
    }
    const wrong = this.answerWith(frame);
    const answer = (right: ServerFrame) => {
      const sent = wrong === undefined ? right : ({ type: 'error', re: frame.id, ...wrong } as const);
      const send = (): void => {
        link.send(sent);
        if (frame.type === 'connect') this.#goOn(link, 'ready');
      };
      if (this.delayAnswer(frame, sent)) this.#delayed.push(send);
      else send();
    };
    this.#serve(link, frame, answer);
  }

  #onRefused(link: Link, { code }: ErrorBody): void {
    const closeCode = this.closeCodeAfterRefusal;
    this.#goOn(link, closeCode === undefined ? 'greeting' : 'closing');
    if (closeCode !== undefined) link.close(closeCode, code);
  }

  #goOn(link: Link, state: Link['state']): void {
    link.state = state;
    for (const frame of link.waiting.splice(0)) if (state !== 'closing') this.#take(link, frame);
  }

  release(): void {
    for (const send of this.#delayed.splice(0)) send();
  }

  #serve(link: Link, frame: ClientFrame, answer: (frame: ServerFrame) => void): void {
    if (frame.type === 'connect') {
      link.user = frame.token;
      link.owner = this.userOf(frame.token) ?? `session ${frame.session}`;
      this.#connect(frame.id, frame.token, answer);
    } else if (frame.type === 'refresh') {
      answer({ type: 'refreshed', re: frame.id, ...this.#expiry(frame.token) });
    } else if (frame.type === 'subscribe') this.#subscribe(link, frame.id, frame.channels, answer);
    else if (frame.type === 'unsubscribe') {
      for (const channel of frame.channels) link.subscribed.delete(channel);
      answer({ type: 'unsubscribed', re: frame.id, results: frame.channels.map((channel) => ({ channel })) });
    } else if (frame.type === 'publish') this.#publish(frame, link, answer);
    else if (frame.type === 'ping') answer({ type: 'pong', re: frame.id, serverTime: Date.now() });
    else if (frame.type === 'ack') {
      this.#channel(frame.channel).acked = { epoch: frame.epoch, seq: frame.seq };
    } else if (frame.type === 'history') {
      const { log } = this.#channel(frame.channel);
      const messages = log.slice(-(frame.limit ?? 100)).reverse();
      const reason = (frame.after?.seq ?? 0) > log.length ? ({ reason: 'position-ahead' } as const) : {};
      answer({ type: 'history', re: frame.id, channel: frame.channel, messages, more: false, ...reason });
    }
  }

  #expiry(token: string | undefined): { timestamp: number; expiresAt?: number } {
    const timestamp = Date.now() + this.clockAheadMs;
    const lifeMs = this.tokenLifeMs(token);
    return lifeMs === undefined ? { timestamp } : { timestamp, expiresAt: timestamp + lifeMs };
  }

  #connect(re: number | string, token: string | undefined, answer: (frame: ServerFrame) => void): void {
    answer({
      type: 'connected',
      re,
      version: 1,
      connection: `c${++this.#ids}`,
      gateway: 'g1',
      ...(this.userOf(token) === undefined ? {} : { user: this.userOf(token)! }),
      ...this.#expiry(token),
      ...(this.degraded ? { degraded: true } : {}),
      limits: {
        maxFrameBytes: this.maxFrameBytes,
        maxSubscriptions: 128,
        maxChannelsPerFrame: this.maxChannelsPerFrame,
      },
      heartbeat: { pingIntervalMs: this.pingIntervalMs, timeoutMs: 60_000 },
    });
  }

  #subscribe(
    link: Link,
    re: number | string,
    requests: readonly SubscribeRequest[],
    answer: (frame: ServerFrame) => void,
  ): void {
    const missed: MessageFrame[] = [];
    const results = requests.map(({ channel, position: presented, consumer }): SubscribeResult => {
      const state = this.#channel(channel);
      if (consumer !== undefined) state.acked ??= { epoch: state.epoch, seq: state.log.length };
      const position = consumer === undefined ? presented : state.acked;
      if (link.subscribed.has(channel)) {
        const error = { code: 'ALREADY_SUBSCRIBED', message: 'already', retryable: false } as const;
        return { channel, error };
      }
      link.subscribed.add(channel);
      const result = this.#resume(channel, position);
      if (result.recovered) missed.push(...this.#channel(channel).log.slice(position!.seq));
      return consumer === undefined ? result : { ...result, acked: state.acked! };
    });
    answer({ type: 'subscribed', re, results });
    for (const frame of missed) link.send(frame);
  }

  #resume(channel: string, position: Position | undefined): SubscribeResult {
    const { epoch, log, trimmedUpTo } = this.#channel(channel);
    const top = { channel, epoch, seq: log.length };
    if (position === undefined) return top;
    if (position.epoch !== epoch) return { ...top, recovered: false, reason: 'epoch-changed' };
    if (position.seq < trimmedUpTo) return { ...top, recovered: false, reason: 'history-trimmed' };
    return { channel, ...position, recovered: true, missed: log.length - position.seq };
  }

  /** As the publish script does it. */
  #publish(frame: PublishFrame, { user, owner }: Link, answer: (frame: ServerFrame) => void): void {
    if (this.degraded) {
      const alone = { epoch: '-g1', seq: 1, id: 'm', channel: frame.channel, degraded: true };
      answer({ type: 'accepted', re: frame.id, ...alone });
      return;
    }
    const { producers } = this.#channel(frame.channel);
    const stamp = frame.producer!;
    const name = `${owner} ${stamp.id}`;
    const state = producers.get(name);
    const first = state?.results.get(stamp.seq);
    const refuse = (code: ErrorBody['code'], retryable: boolean): void =>
      answer({ type: 'error', re: frame.id, code, message: code, retryable });
    if ((stamp.prev ?? 0) >= stamp.seq) {
      refuse('FRAME_INVALID', false);
      return;
    }
    if (first === undefined && state !== undefined) {
      const passed = stamp.seq <= state.last;
      if (passed) refuse('PRODUCER_WINDOW_PASSED', false);
      else if (stamp.prev !== state.last) refuse('PRODUCER_OUT_OF_ORDER', true);
      if (passed || stamp.prev !== state.last) return;
    }
    const sender = user === undefined ? {} : { user };
    const message =
      first ?? this.#append(frame.channel, { payload: frame.payload, producer: stamp.id, ...sender });
    const { epoch, seq, id, channel } = message;
    if (first === undefined) {
      const next = state ?? { last: 0, results: new Map() };
      next.last = stamp.seq;
      next.results.set(stamp.seq, message);
      producers.set(name, next);
    }
    answer({
      type: 'accepted',
      re: frame.id,
      channel,
      epoch,
      seq,
      id,
      ...(first === undefined ? {} : { duplicate: true }),
    });
    if (frame.stored) answer({ type: 'stored', re: frame.id, channel, epoch, seq });
  }
}
