/** K9: a back end sees and ends the sessions of users, on all gateways of a running installation. */
import type { RealtimeClient } from '@carillon/client';
import { BackendClient, type Disconnected, type Session } from '@carillon/server';
import { eventually } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, JWT_SECRET, startCluster } from './cluster.ts';
import { connectClient, PATIENT_MS } from './people.ts';

interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly willReconnect: boolean;
  readonly atMs: number;
}

describe('users and sessions', () => {
  let cluster: Cluster;
  let backEnd: BackendClient;
  const clients: RealtimeClient[] = [];

  beforeAll(async () => {
    cluster = await startCluster({
      gateways: 2,
      routers: 1,
      persistence: 1,
      links: true,
      env: {
        // Messages between gateways don't depend on clients' retention.
        CARILLON_NAMESPACES: '{"default":{"ephemeral":true}}',
      },
    });
    backEnd = new BackendClient({
      url: `http://127.0.0.1:${cluster.gateways[0]!.port}`,
      jwtSecret: JWT_SECRET,
    });
  }, 180_000);

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  async function join(user: string, gateway: number) {
    const client = await connectClient(user, cluster.gateways[gateway]!.port, undefined, PATIENT_MS);
    clients.push(client);
    const endings: Ending[] = [];
    client.on('disconnected', (ending) => endings.push({ ...ending, atMs: performance.now() }));
    await eventually(() => client.state === 'connected', { what: `${user} is connected` });
    return { client, endings };
  }

  /** Sessions on all gateways. One that does not answer in time is asked again. */
  async function sessionsOf(user: string): Promise<readonly Session[]> {
    let sessions: readonly Session[] = [];
    await eventually(
      async () => {
        const answer = await backEnd.users.sessions(user);
        sessions = answer.sessions;
        return answer.gateways === 2 && answer.silent.length === 0;
      },
      { what: 'both gateways answer', timeoutMs: 30_000 },
    );
    return sessions;
  }

  /** A gateway that stood still for longer than it is waited for is named instead of counted, and does what it is told all the same. */
  function expectCounted(answer: Disconnected, sessions: readonly Session[], gateways: number): void {
    const { silent } = answer;
    const closed = sessions.filter(({ gateway }) => !silent.includes(gateway)).length;
    expect(answer).toEqual({ closed, gateways: gateways - silent.length, silent });
  }

  it('ends all connections of a user within a second, with the reason, and nobody else', async () => {
    const tookMs: number[] = [];
    const grace = await join('grace', 1);
    for (const user of ['ada', 'ada-2', 'ada-3', 'ada-4', 'ada-5']) {
      const ada = [await join(user, 0), await join(user, 1), await join(user, 1)];
      const sessions = await sessionsOf(user);
      expect(sessions.map(({ session }) => session).toSorted()).toEqual(
        ada.map(({ client }) => client.session).toSorted(),
      );
      const beganMs = performance.now();
      const answer = await backEnd.users.disconnect(user, { reason: 'You left the team.' });
      expectCounted(answer, sessions, 2);
      await eventually(() => ada.every(({ endings }) => endings.length > 0), { what: `${user} is away` });
      for (const { client, endings } of ada) {
        expect(endings).toMatchObject([{ code: 4202, reason: 'You left the team.', willReconnect: false }]);
        expect(client.state).not.toBe('connected');
      }
      tookMs.push(Math.max(...ada.map(({ endings }) => endings[0]!.atMs)) - beganMs);
      expect(await sessionsOf(user)).toEqual([]);
    }
    expect(grace.client.state).toBe('connected');
    expect(grace.endings).toEqual([]);
    // A second is the promise, and a busy machine may take longer now and then. What waits for a look takes two seconds each time.
    expect(Math.min(...tookMs)).toBeLessThan(1000);
  });

  it('ends one session, which comes back and goes on', async () => {
    const [tab, other] = [await join('ada', 1), await join('ada', 1)];
    const connectedAgain = new Promise<void>((resolve) => tab.client.on('connected', () => resolve()));
    const sessions = (await sessionsOf('ada')).filter(({ session }) => session === tab.client.session);
    expect(sessions).toHaveLength(1);
    const answer = await backEnd.sessions.disconnect(tab.client.session, { reconnect: true });
    expectCounted(answer, sessions, 2);
    await connectedAgain;
    expect(tab.endings).toMatchObject([{ code: 4005, willReconnect: true }]);
    expect(other.endings).toEqual([]);
  });

  it('reaches a gateway that was cut off from the broker, and taken for dead, when it is back', async () => {
    const ada = await join('ada', 1);
    const { redis } = cluster.gateways[1]!.links!;
    redis!.refuse();
    // It is named as silent until it is removed.
    expect((await backEnd.users.sessions('ada')).silent).not.toEqual([]);
    await eventually(async () => (await backEnd.users.sessions('ada')).silent.length === 0, {
      what: 'the gateway is removed',
      timeoutMs: 30_000,
    });
    expectCounted(await backEnd.users.disconnect('ada'), [], 1);
    expect(ada.client.state).toBe('connected');
    redis!.heal();
    await eventually(() => ada.endings.length === 1, { what: 'ada is away', timeoutMs: 30_000 });
    expect(ada.endings[0]).toMatchObject({ code: 4202 });
  });

  it('says which gateway is silent, until a killed one is removed', async () => {
    const ada = await join('ada', 0);
    const sessions = await sessionsOf('ada');
    await cluster.gateways[1]!.kill();
    const answer = await backEnd.users.disconnect('ada');
    expectCounted(answer, sessions, 2);
    expect(answer.silent).not.toEqual([]);
    await eventually(() => ada.endings.length === 1, { what: 'ada is away' });
    await eventually(async () => (await backEnd.users.sessions('ada')).silent.length === 0, {
      what: 'the dead gateway is not waited for any more',
      timeoutMs: 30_000,
    });
    await cluster.gateways[1]!.start();
  });
});
