/**
 * Record of publishers' results and of the messages that subscribers' application code got, and the judgement over
 * both. Guarantees checked, by the ids of the product's table: D1 one order for all without gaps, D2/D6 no acknowledged
 * message is lost, D3 no duplicate.
 */
export interface Accepted {
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
  /** Names the content: unique per publish call. */
  readonly key: string;
}

export interface Received {
  readonly epoch: string;
  readonly seq: number;
  readonly key: string;
}

/** A violated guarantee, in words. */
export type Violation = string;

export class Ledger {
  readonly accepted: Accepted[] = [];
  /** Publishes that were refused or whose outcome stayed unknown: they may appear, but at most once. */
  readonly unresolved = new Set<string>();
  readonly #received = new Map<string, Map<string, Received[]>>();

  /** Call from a subscriber's handler, in the order of the calls. */
  receive(subscriber: string, channel: string, message: Received): void {
    const channels = this.#received.get(subscriber) ?? new Map<string, Received[]>();
    this.#received.set(subscriber, channels);
    const list = channels.get(channel);
    if (list === undefined) channels.set(channel, [message]);
    else list.push(message);
  }

  receivedCount(subscriber: string): number {
    let sum = 0;
    for (const list of this.#received.get(subscriber)?.values() ?? []) sum += list.length;
    return sum;
  }

  /** Does `subscriber` have every accepted message? What a test waits for before it judges. */
  hasAll(subscriber: string): boolean {
    const channels = this.#received.get(subscriber);
    const keys = new Set([...(channels?.values() ?? [])].flat().map((message) => message.key));
    return this.accepted.every((message) => keys.has(message.key));
  }

  /** All violations; empty when every guarantee held for each of `subscribers`, who were subscribed all the time. */
  violations(subscribers: readonly string[]): readonly Violation[] {
    return [...this.#acceptedTwice(), ...subscribers.flatMap((subscriber) => this.#violationsOf(subscriber))];
  }

  #acceptedTwice(): readonly Violation[] {
    const byPosition = new Map<string, string>();
    return this.accepted.flatMap(({ channel, epoch, seq, key }) => {
      const position = `${channel} ${epoch}:${seq}`;
      const other = byPosition.get(position);
      byPosition.set(position, key);
      return other === undefined || other === key
        ? []
        : [`${position} was given to two messages: ${other} and ${key}`];
    });
  }

  #violationsOf(subscriber: string): readonly Violation[] {
    const channels = this.#received.get(subscriber) ?? new Map<string, Received[]>();
    const found: Violation[] = [];
    for (const [channel, messages] of channels)
      found.push(...orderViolations(`${subscriber} on ${channel}`, messages));
    const positions = new Map(
      [...channels].map(([channel, messages]) => [
        channel,
        new Map(messages.map((message) => [message.key, message])),
      ]),
    );
    for (const { channel, epoch, seq, key } of this.accepted) {
      const got = positions.get(channel)?.get(key);
      if (got === undefined)
        found.push(`${subscriber} never got ${key}, accepted as ${channel} ${epoch}:${seq}`);
      else if (got.seq !== seq || got.epoch !== epoch)
        found.push(`${subscriber} got ${key} as ${got.epoch}:${got.seq}, accepted as ${epoch}:${seq}`);
    }
    return found;
  }
}

function orderViolations(where: string, messages: readonly Received[]): readonly Violation[] {
  const found: Violation[] = [];
  const keys = new Set<string>();
  for (const [i, message] of messages.entries()) {
    const before = messages[i - 1];
    if (keys.has(message.key)) found.push(`${where}: ${message.key} came twice`);
    keys.add(message.key);
    if (before !== undefined && before.epoch === message.epoch && message.seq !== before.seq + 1)
      found.push(`${where}: ${message.seq} came after ${before.seq}`);
    if (before !== undefined && before.epoch !== message.epoch && message.seq !== 1)
      found.push(`${where}: epoch ${before.epoch} became ${message.epoch} at ${message.seq}`);
  }
  return found;
}
