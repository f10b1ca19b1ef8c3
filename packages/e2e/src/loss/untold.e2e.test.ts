/** D7, case h: a connection that subscribed to nothing hears nothing of a loss. */
import { once } from 'node:events';
import type { ServerFrame } from '@carillon/protocol';
import { eventually, startRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { tokenFor } from '../people.ts';
import { publishInTurn } from './in-turn.ts';
import { Scenes } from './scene.ts';

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

it('[CH7] [D7] no `gap` comes for #system to who never subscribed to it, and its notices still come', {
  timeout: 120_000,
}, async () => {
  const redis = await startRedis({ appendonly: true });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis, { admin: false });
  const [gateway] = scene.gateways;
  const frames: ServerFrame[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/ws`, ['carillon.v1.json']);
  scenes.closing(() => socket.terminate());
  await once(socket, 'open');
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as ServerFrame));
  socket.send(JSON.stringify({ type: 'connect', id: 1, token: await tokenFor('silent') }));
  const system = { '#system': ['publish' as const] };
  const notices = await scene.stage.publisher('notices', {
    gateway,
    channels: ['#system'],
    capabilities: { ...system, '*': ['publish', 'subscribe', 'history'] },
  });
  const keys = (): readonly string[] =>
    frames.flatMap((frame) => (frame.type === 'message' ? [(frame.payload as { key: string }).key] : []));
  await publishInTurn(notices, 1);
  await eventually(() => keys().includes('notices-1'), { what: 'the first notice' });
  await redis.restartEmpty();
  await publishInTurn(notices, 1);
  await eventually(() => keys().includes('notices-2'), { what: 'the second notice' });
  const types = frames.map(({ type }) => type).filter((type) => type !== 'status');
  expect(types).toEqual(['connected', 'message', 'message']);
});
