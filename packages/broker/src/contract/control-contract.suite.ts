/** The control port, the same for every broker adapter. */
import { CarillonError } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControlNode, NodeStatus } from '../control.ts';
import type { Broker, BrokerLimits } from '../ports.ts';
import type { ContractSetup } from './broker-contract.suite.ts';

/** Long enough for a busy machine: tests wait for what ends a survey sooner. */
const PATIENT_MS = 30_000;

export function describeControlContract(
  name: string,
  createSetup: (limits?: Partial<BrokerLimits>) => Promise<ContractSetup>,
): void {
  describe(`control contract: ${name}`, () => {
    let setup: ContractSetup;
    let nodes: ControlNode[] = [];

    beforeEach(async () => {
      nodes = [];
      setup = await createSetup();
    });

    afterEach(async () => {
      for (const node of nodes) await node.stop();
      await setup.close();
    });

    const add = async (
      node: string,
      service = 'gateway',
      prepare: (node: ControlNode) => void = () => undefined,
      describeNode: () => Promise<NodeStatus> = async () => ({ version: '1' }),
      of?: Broker,
    ): Promise<ControlNode> => {
      const control = (of ?? (await setup.open())).control({ node, service }, describeNode);
      prepare(control);
      nodes.push(control);
      await control.start();
      return control;
    };
    const listed = async (of: ControlNode): Promise<readonly string[]> =>
      (await of.nodes({ limit: 200 })).nodes.map(({ node }) => node);

    it('lists every node with what it says of itself, as it is now, and none that left', async () => {
      let connections = 1;
      const gateway = await add('g1', 'gateway', undefined, async () => ({
        connections,
        deep: { a: ['ü'] },
      }));
      const admin = await add('a1', 'admin');
      const { nodes: found } = await admin.nodes({ limit: 10 });
      expect(found).toMatchObject([
        { node: 'a1', service: 'admin', away: false, status: { version: '1' } },
        { node: 'g1', service: 'gateway', away: false, status: { connections: 1, deep: { a: ['ü'] } } },
      ]);
      expect(Math.abs(found[1]!.lastSeenMs - Date.now())).toBeLessThan(60_000);
      connections = 2;
      await gateway.refresh();
      expect((await admin.nodes({ limit: 10 })).nodes[1]!.status).toMatchObject({ connections: 2 });
      await gateway.stop();
      expect(await listed(admin)).toEqual(['a1']);
    });

    it('pages by id, and can leave out other services', async () => {
      const broker = await setup.open();
      const ids = ['n1', 'n2', 'n3', 'n4', 'n5'];
      for (const [i, id] of ids.entries())
        await add(id, i % 2 === 0 ? 'gateway' : 'router', undefined, undefined, broker);
      const [reader] = nodes as [ControlNode];
      const first = await reader.nodes({ limit: 2 });
      expect([first.nodes.map(({ node }) => node), first.next]).toEqual([['n1', 'n2'], 'n2']);
      const second = await reader.nodes({ limit: 3, after: first.next });
      expect([second.nodes.map(({ node }) => node), second.next]).toEqual([['n3', 'n4', 'n5'], undefined]);
      const gateways = await reader.nodes({ service: 'gateway', limit: 2 });
      expect([gateways.nodes.map(({ node }) => node), gateways.next]).toEqual([['n1', 'n3'], 'n3']);
    });

    it('leaves out a status that is too large', async () => {
      const node = await add('g1', 'gateway', undefined, async () => ({ text: 'x'.repeat(9000) }));
      expect((await node.nodes({ limit: 1 })).nodes[0]!.status).toEqual({ tooLarge: true });
    });

    it('a survey has the answer of every node, the asking one among them, and of one service where that is asked', async () => {
      for (const [id, service] of [
        ['g1', 'gateway'],
        ['g2', 'gateway'],
        ['r1', 'router'],
      ] as const)
        await add(id, service, (node) =>
          node.onCommand('add', async (input) => ({ id, sum: (input as number[]).reduce((a, b) => a + b) })),
        );
      const [asker] = nodes as [ControlNode];
      const options = { input: [1, 2, 3], deadlineMs: PATIENT_MS };
      const all = await asker.survey('add', options);
      expect(all).toEqual({
        replies: [
          { node: 'g1', service: 'gateway', answer: { id: 'g1', sum: 6 } },
          { node: 'g2', service: 'gateway', answer: { id: 'g2', sum: 6 } },
          { node: 'r1', service: 'router', answer: { id: 'r1', sum: 6 } },
        ],
        unanswered: [],
      });
      const gateways = await asker.survey('add', { ...options, service: 'gateway' });
      expect(gateways.replies.map(({ node }) => node)).toEqual(['g1', 'g2']);
    });

    it('a survey names who refuses, with the code, and who does not answer in time; these are told to give up', async () => {
      const gaveUp = Promise.withResolvers<void>();
      const asker = await add('a', 'admin');
      await add('b', 'gateway', (node) => node.onCommand('look', async () => 'seen'));
      await add('c', 'gateway', (node) =>
        node.onCommand('look', () => Promise.reject(new CarillonError('NOT_FOUND', 'There is none.'))),
      );
      await add('d', 'gateway', (node) =>
        node.onCommand('look', (_input, signal) => {
          signal.addEventListener('abort', () => gaveUp.resolve());
          return new Promise(() => undefined);
        }),
      );
      const { replies, unanswered } = await asker.survey('look', { deadlineMs: 2000 });
      expect(replies).toMatchObject([
        { node: 'a', error: { code: 'COMMAND_UNKNOWN' } },
        { node: 'b', answer: 'seen' },
        { node: 'c', error: { code: 'NOT_FOUND', message: 'There is none.' } },
      ]);
      expect(unanswered).toEqual([{ node: 'd', service: 'gateway' }]);
      await gaveUp.promise;
    });

    it('asks one node: its answer, its refusal, or that nobody answered', async () => {
      const asker = await add('a', 'admin');
      await add('b', 'gateway', (node) => {
        node.onCommand('double', async (input) => 2 * (input as number));
        node.onCommand('refuse', () => Promise.reject(new CarillonError('AT_CAPACITY', 'Full.')));
        node.onCommand('much', async () => 'x'.repeat(70_000));
      });
      const ask = (node: string, command: string, deadlineMs = PATIENT_MS) =>
        asker.ask(node, command, { input: 21, deadlineMs });
      expect(await ask('b', 'double')).toBe(42);
      await expect(ask('b', 'refuse')).rejects.toMatchObject({ code: 'AT_CAPACITY', message: 'Full.' });
      await expect(ask('b', 'much')).rejects.toMatchObject({ code: 'INTERNAL' });
      await expect(ask('b', 'none')).rejects.toMatchObject({ code: 'COMMAND_UNKNOWN' });
      await expect(ask('nobody', 'double')).rejects.toMatchObject({ code: 'NODE_UNANSWERED' });
      await expect(
        asker.ask('b', 'double', { input: 'x'.repeat(20_000), deadlineMs: PATIENT_MS }),
      ).rejects.toThrow(RangeError);
    });

    it('takes 16 surveys at a time', async () => {
      const open = Promise.withResolvers<void>();
      const node = await add('a', 'admin', (it) => it.onCommand('wait', () => open.promise));
      const many = Array.from({ length: 16 }, () => node.survey('wait', { deadlineMs: PATIENT_MS }));
      await expect(node.survey('wait', { deadlineMs: PATIENT_MS })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        retryAfterMs: 1000,
      });
      open.resolve();
      for (const survey of await Promise.all(many)) expect(survey.unanswered).toEqual([]);
      expect((await node.survey('wait', { deadlineMs: PATIENT_MS })).unanswered).toEqual([]);
    });
  });
}
