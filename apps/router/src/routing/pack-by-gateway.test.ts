import { expect, it } from 'vitest';
import { packByGateway } from './pack-by-gateway.ts';

it('gives each gateway its messages in the order of the stream', () => {
  const message = (channel: 'app/a' | 'app/b', seq: number) => ({ channel, epoch: 'e', seq, record: '' });
  const [a1, b1, a2] = [message('app/a', 1), message('app/b', 1), message('app/a', 2)];
  const interest = new Map([
    ['app/a' as const, ['g1', 'g2']],
    ['app/b' as const, ['g2']],
  ]);
  expect(packByGateway([a1!, b1!, a2!], interest)).toEqual(
    new Map([
      ['g1', [a1, a2]],
      ['g2', [a1, b1, a2]],
    ]),
  );
});
