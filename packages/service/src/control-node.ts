import { randomBytes } from 'node:crypto';
import type { Telemetry } from '@carillon/telemetry';
import type { ServiceShell } from './service.ts';

const MAX_PROBLEMS = 20;
const MAX_PROBLEM_LENGTH = 200;

/** By which two processes see that they have the same secrets and settings, without telling them. */
export interface Fingerprints {
  /** Of each secret that is long enough to have one, by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Of all other settings together, but for the name of the process. */
  readonly settings: string;
}

/** The control port of the broker, as far as every service needs it. */
interface StartedNode {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ControlNodeOptions<Node extends StartedNode> {
  /** Makes the node, which says of itself what `describe` answers. */
  readonly open: (describe: () => Promise<Readonly<Record<string, unknown>>>) => Node;
  readonly fingerprints?: Fingerprints | undefined;
  /** What only this service has to say. */
  readonly facts?: () => object;
}

/** A restarted process must not be taken for its predecessor, even when its name is fixed. */
export function nodeName({ instanceId }: Telemetry): string {
  return `${instanceId}-${randomBytes(3).toString('hex')}`;
}

/** Every service is a node of the control port. Call it after the broker's part was added. */
export function addControlNode<Node extends StartedNode>(
  shell: ServiceShell,
  telemetry: Telemetry,
  { open, fingerprints, facts = () => ({}) }: ControlNodeOptions<Node>,
): Node {
  const startedAt = Date.now();
  const startedMs = performance.now();
  const node = open(async () => {
    const { ready, degraded, checks } = await shell.health.report();
    const problems = Object.entries(checks).filter(([, { ok }]) => !ok);
    return {
      version: telemetry.version,
      name: telemetry.instanceId,
      startedAt,
      uptimeMs: Math.round(performance.now() - startedMs),
      ready,
      degraded,
      problems: problems
        .slice(0, MAX_PROBLEMS)
        .map(([check, { problem = '' }]) => ({ check, problem: problem.slice(0, MAX_PROBLEM_LENGTH) })),
      loops: shell.loops.map(({ name, state, failuresInARow, lastError }) => ({
        name,
        state,
        ...(failuresInARow > 0 && { failuresInARow, lastError: lastError?.slice(0, MAX_PROBLEM_LENGTH) }),
      })),
      ...(fingerprints !== undefined && { fingerprints }),
      ...facts(),
    };
  });
  shell.add({ name: 'control port', start: () => node.start(), stop: () => node.stop() });
  return node;
}
