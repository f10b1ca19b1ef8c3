/** K9: a back end sees and ends the sessions of users, on all gateways of a running installation. */
import type { RealtimeClient } from '@carillon/client';
import { BackendClient } from '@carillon/server';
import { eventually } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, JWT_SECRET, startCluster } from './cluster.ts';
import { connectClient } from './people.ts';

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
        // What gateways tell each other doesn't depend on what is kept for clients.
        CARILLON_NAMESPACES: '{"default":{"ephemeral":true}}',
        CARILLON_GATEWAY_HEARTBEAT_MS: '500ms',
        CARILLON_GATEWAY_TIMEOUT_MS: '3s',
      },
    });
    backEnd = new BackendClient({
      url: `http://127.0.0.1:${cluster.gateways[0]!.port}`,
      jwtSecret: JWT_SECRET,
    });
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  async function join(user: string, gateway: number) {
    const client = await connectClient(user, cluster.gateways[gateway]!.port);
    clients.push(client);
    const endings: Ending[] = [];
    client.on('disconnected', (ending) => endings.push({ ...ending, atMs: performance.now() }));
    await eventually(() => client.state === 'connected', { what: `${user} is connected` });
    return { client, endings };
  }

  it('ends all connections of a user within a second, with the reason, and nobody else', async () => {
    const ada = [await join('ada', 0), await join('ada', 1), await join('ada', 1)];
    const grace = await join('grace', 1);
    const { sessions } = await backEnd.users.sessions('ada');
    expect(sessions.map(({ session }) => session).toSorted()).toEqual(
      ada.map(({ client }) => client.session).toSorted(),
    );
    const beganMs = performance.now();
    const answer = await backEnd.users.disconnect('ada', { reason: 'You left the team.' });
    expect(answer).toEqual({ closed: 3, gateways: 2, silent: [] });
    await eventually(() => ada.every(({ endings }) => endings.length === 1), { what: 'ada is away' });
    for (const { client, endings } of ada) {
      expect(endings[0]).toMatchObject({ code: 4202, reason: 'You left the team.', willReconnect: false });
      // A second is the promise. A busy machine may take longer; what waits for a heartbeat or a look takes longer still.
      expect(endings[0]!.atMs - beganMs).toBeLessThan(4000);
      expect(client.state).not.toBe('connected');
    }
    expect(grace.client.state).toBe('connected');
    expect(await backEnd.users.sessions('ada')).toMatchObject({ sessions: [] });
  });

  it('ends one session, which comes back and goes on', async () => {
    const [tab, other] = [await join('ada', 1), await join('ada', 1)];
    const connectedAgain = new Promise<void>((resolve) => tab.client.on('connected', () => resolve()));
    const answer = await backEnd.sessions.disconnect(tab.client.session, { reconnect: true });
    expect(answer).toMatchObject({ closed: 1, silent: [] });
    await connectedAgain;
    expect(tab.endings).toMatchObject([{ code: 4005, willReconnect: true }]);
    expect(other.endings).toEqual([]);
  });

  it('reaches a gateway that was cut off from the broker, and taken for dead, when it is back', async () => {
    const ada = await join('ada', 1);
    const { redis } = cluster.gateways[1]!.links!;
    redis.refuse();
    expect((await backEnd.users.sessions('ada')).silent).toHaveLength(1);
    await eventually(async () => (await backEnd.users.sessions('ada')).silent.length === 0, {
      what: 'the gateway is removed',
      timeoutMs: 30_000,
    });
    expect(await backEnd.users.disconnect('ada')).toEqual({ closed: 0, gateways: 1, silent: [] });
    expect(ada.client.state).toBe('connected');
    redis.heal();
    await eventually(() => ada.endings.length === 1, { what: 'ada is away', timeoutMs: 15_000 });
    expect(ada.endings[0]).toMatchObject({ code: 4202 });
  });

  it('says which gateway is silent, until a killed one is removed', async () => {
    const ada = await join('ada', 0);
    await eventually(async () => (await backEnd.users.sessions('ada')).gateways === 2, {
      what: 'both gateways are listened to',
      timeoutMs: 15_000,
    });
    await cluster.gateways[1]!.kill();
    const answer = await backEnd.users.disconnect('ada');
    expect(answer).toMatchObject({ closed: 1, gateways: 1 });
    expect(answer.silent).toHaveLength(1);
    await eventually(() => ada.endings.length === 1, { what: 'ada is away' });
    await eventually(async () => (await backEnd.users.sessions('ada')).silent.length === 0, {
      what: 'the dead gateway is not waited for any more',
      timeoutMs: 30_000,
    });
    await cluster.gateways[1]!.start();
  });
});
