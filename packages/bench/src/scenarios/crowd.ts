import { CCrowd } from '../load/c-crowd.ts';
import { cProgram } from '../load/c-program.ts';
import type { Crowd } from '../load/crowd.ts';
import { DIALECTS } from '../load/dialects.ts';
import { NodeCrowd } from '../load/node-crowd.ts';
import type { Target } from '../targets/target.ts';

/** Connections that are being opened at the same time. */
const AT_ONCE = 200;

/** One connection for each channel, with a token of its own, spread over the nodes. */
export function crowdOf(target: Target, channels: readonly string[], tokens: readonly string[]): Crowd {
  const { dialect, ports } = target;
  const clients = channels.map((channel, i) => ({
    port: ports[i % ports.length]!,
    channel,
    token: tokens[i]!,
  }));
  const program = cProgram('crowd');
  return program === undefined
    ? new NodeCrowd({ dialect, clients, atOnce: AT_ONCE })
    : new CCrowd(program, { dialect: DIALECTS[dialect], clients, atOnce: AT_ONCE });
}
