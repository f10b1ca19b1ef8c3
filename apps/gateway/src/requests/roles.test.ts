import { mintToken } from '@carillon/auth';
import type { ServerFrame } from '@carillon/protocol';
import { expect, it } from 'vitest';
import { BarePeer, startGateway } from '../running-gateway.suite.ts';

const SECRET = 'roles-secret-0123456789-0123456789-0123';
const CAN = { '*': ['request', 'answer'] } as const;

it.each([
  ['json', ['admin', 'auditor'], { role: 'admin', roles: ['admin', 'auditor'] }],
  ['protobuf', ['admin', 'auditor'], { role: 'admin', roles: ['admin', 'auditor'] }],
  ['json', 'admin', { role: 'admin' }],
  ['protobuf', ['admin'], { role: 'admin' }],
  ['json', undefined, {}],
] as const)('[WK2] a worker (%s) is told the roles %j of the user', async (encoding, role, told) => {
  const gateway = await startGateway({ CARILLON_JWT_SECRET: SECRET });
  // The SDK's own option is one role; issuers of tokens give lists, too.
  const token = (userId: string, claim?: unknown): Promise<string> =>
    mintToken({
      ...{ secret: SECRET, userId, capabilities: CAN as never, expiresInMs: 600_000 },
      ...(claim !== undefined && { role: claim as string }),
    });
  const worker = await BarePeer.join(gateway.port, 'worker', encoding, { token: await token('worker') });
  await worker.ask<ServerFrame>({ type: 'serve', methods: ['do'], concurrency: 1 });
  const ofUser = await token('ada', role);
  const caller = await BarePeer.join(gateway.port, 'ada', 'json', { token: ofUser });
  caller.send({ type: 'request', id: 9, method: 'do', payload: 1 });
  const request = await worker.until(({ type }) => type === 'request');
  const { role: first, roles } = request as { role?: string; roles?: readonly string[] };
  expect({ ...(first && { role: first }), ...(roles && { roles }) }).toEqual(told);
  for (const peer of [worker, caller]) peer.socket.terminate();
  await gateway.stop();
});
