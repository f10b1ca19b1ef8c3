/** O12: Redis goes away and comes back; gateways stay up and say so. */
import { once } from 'node:events';
import type { ServerFrame } from '@carillon/protocol';
import { eventually } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from './cluster.ts';
import { metricOf } from './metrics-of.ts';
import { tokenFor } from './people.ts';

/** A client of the bare protocol that keeps what it is sent. */
class Peer {
  readonly frames: ServerFrame[] = [];
  readonly #socket: WebSocket;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.frames.push(JSON.parse(String(data)) as ServerFrame));
  }

  static async connect(user: string, port: number): Promise<Peer> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, ['carillon.v1.json']);
    const peer = new Peer(socket);
    await once(socket, 'open');
    await peer.ask({ type: 'connect', token: await tokenFor(user) });
    return peer;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  async ask(frame: object): Promise<ServerFrame> {
    const id = ++this.#id;
    this.#socket.send(JSON.stringify({ id, ...frame }));
    const answer = (): ServerFrame | undefined =>
      this.frames.find((candidate) => 're' in candidate && candidate.re === id);
    await eventually(() => answer() !== undefined, { what: `an answer to ${JSON.stringify(frame)}` });
    return answer()!;
  }

  subscribe(channel: string): Promise<ServerFrame> {
    return this.ask({ type: 'subscribe', channels: [{ channel }] });
  }

  publish(channel: string, payload: unknown): Promise<ServerFrame> {
    return this.ask({ type: 'publish', channel, payload });
  }

  payloads(channel: string): readonly unknown[] {
    return this.frames.flatMap((frame) =>
      frame.type === 'message' && frame.channel === channel ? [frame.payload] : [],
    );
  }

  has(type: ServerFrame['type'], members: object): boolean {
    return this.frames.some(
      (frame) =>
        frame.type === type &&
        Object.entries(members).every(([name, value]) => (frame as never)[name] === value),
    );
  }

  close(): void {
    this.#socket.terminate();
  }
}

describe('[O12] Redis away', () => {
  let cluster: Cluster;
  let peers: Peer[];

  const report = async (port: number): Promise<{ code: number; status: string }> => {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`);
    return { code: answer.status, status: ((await answer.json()) as { status: string }).status };
  };

  beforeAll(async () => {
    cluster = await startCluster({
      routers: 1,
      env: { CARILLON_NAMESPACES: JSON.stringify({ cursor: { ephemeral: true } }) },
    });
    const [one, two] = cluster.gateways.map(({ port }) => port);
    peers = [
      await Peer.connect('ada', one!),
      await Peer.connect('bob', one!),
      await Peer.connect('eve', two!),
    ];
    for (const peer of peers) {
      await peer.subscribe('cursor:a');
      await peer.subscribe('chat:a');
    }
    await peers[0]!.publish('cursor:a', 'before');
    await peers[0]!.publish('chat:a', 'before');
    for (const peer of peers)
      await eventually(() => peer.payloads('chat:a').length + peer.payloads('cursor:a').length === 2, {
        what: 'both messages',
      });
  }, 240_000);

  afterAll(async () => {
    for (const peer of peers ?? []) peer.close();
    await cluster?.stop();
  });

  it('keeps clients and tells them, in health and metrics, too', async () => {
    await cluster.redis.kill();
    for (const peer of peers) {
      await eventually(() => peer.has('status', { degraded: true }), { what: 'the client is told' });
      expect(peer.isOpen).toBe(true);
    }
    const { port } = cluster.gateways[0]!;
    await eventually(async () => (await report(port)).status === 'degraded', { what: 'degraded' });
    expect((await report(port)).code).toBe(200);
    // The text of the metrics is made once a second.
    await eventually(async () => (await metricOf(port, 'carillon_degraded')) === 1, {
      what: 'the metric says so',
    });
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/health/websocket`)).status === 503, {
      what: 'the WebSocket health says so',
    });
    const late = await Peer.connect('late', port);
    peers.push(late);
    expect(late.frames[0]).toMatchObject({ type: 'connected', degraded: true });
  });

  it('refuses what has to be kept, and says that it may be tried again', async () => {
    expect(await peers[0]!.publish('chat:a', 'refused')).toMatchObject({
      type: 'error',
      code: 'UNAVAILABLE',
      retryable: true,
    });
  });

  it('goes on with ephemeral channels within a gateway, also with new ones', async () => {
    const [ada, bob, eve, late] = peers;
    expect(await ada!.publish('cursor:a', 'local 1')).toMatchObject({
      type: 'accepted',
      seq: 1,
      degraded: true,
    });
    expect(await bob!.publish('cursor:a', 'local 2')).toMatchObject({
      type: 'accepted',
      seq: 2,
      degraded: true,
    });
    for (const peer of [ada!, bob!]) {
      await eventually(() => peer.payloads('cursor:a').length === 3, { what: 'local messages' });
      expect(peer.has('gap', { channel: 'cursor:a', reason: 'epoch-changed' })).toBe(true);
    }
    expect(eve!.payloads('cursor:a')).toEqual(['before']);
    expect(await late!.subscribe('cursor:new')).toMatchObject({
      results: [{ channel: 'cursor:new', seq: 0 }],
    });
    await ada!.publish('cursor:new', 'local');
    await eventually(() => late!.payloads('cursor:new').length === 1, { what: 'the local message' });
  });

  it('recovers by itself when Redis is back, on all gateways and channels', {
    timeout: 120_000,
  }, async () => {
    await cluster.redis.restart();
    for (const peer of peers)
      await eventually(() => peer.has('status', { degraded: false }), {
        what: 'the client is told',
        timeoutMs: 20_000,
      });
    const patiently = async (channel: string, payload: string): Promise<void> => {
      await eventually(async () => (await peers[0]!.publish(channel, payload)).type === 'accepted', {
        what: `${payload} is accepted`,
        timeoutMs: 20_000,
      });
    };
    await patiently('chat:a', 'after');
    const [ada, , eve, late] = peers;
    await eventually(() => eve!.payloads('chat:a').at(-1) === 'after', {
      what: 'the message crosses gateways',
    });
    // Ephemeral: what is published before the gateways have found each other again is not kept for anybody.
    const crosses = async (channel: string, to: Peer): Promise<void> => {
      await eventually(
        async () => {
          await ada!.publish(channel, 'after');
          return to.payloads(channel).at(-1) === 'after';
        },
        { what: `${channel} is live again`, timeoutMs: 20_000 },
      );
    };
    await crosses('cursor:a', eve!);
    await crosses('cursor:new', late!);
    expect(eve!.payloads('chat:a')).toEqual(['before', 'after']);
    const { port } = cluster.gateways[0]!;
    await eventually(async () => (await report(port)).status === 'ready', {
      what: 'ready',
      timeoutMs: 20_000,
    });
    await eventually(async () => (await metricOf(port, 'carillon_degraded')) === 0, {
      what: 'the metric says so',
    });
  });
});
