import { err, exitWhenReaderIsGone, note, print, wantsJson } from '../output/style.ts';
import { table } from '../output/table.ts';
import { type AdminFlags, askAdmin } from '../target/admin-api.ts';

interface ListedNode {
  readonly id: string;
  readonly service: string;
  readonly away: boolean;
  /** Milliseconds since 1970. */
  readonly lastSeenAt: number;
  readonly version?: string;
  readonly uptimeMs?: number;
  readonly ready?: boolean;
  readonly problems?: readonly { readonly check: string; readonly problem: string }[];
}

export interface NodesFlags extends AdminFlags {
  readonly json?: boolean;
  readonly service?: string;
}

/** Prints every process of the installation. */
export async function listNodes(flags: NodesFlags): Promise<void> {
  exitWhenReaderIsGone();
  const nodes = await allPages<ListedNode>(flags, 'v1/nodes', 'nodes', flags.service);
  if (wantsJson(flags.json)) {
    for (const node of nodes) print(JSON.stringify(node));
    return;
  }
  for (const line of table(
    ['NODE', 'SERVICE', 'VERSION', 'UP', 'STATE'],
    nodes.map((node) => [
      node.id,
      node.service,
      node.version ?? '',
      node.uptimeMs === undefined ? '' : duration(node.uptimeMs),
      stateOf(node),
    ]),
  ))
    print(line);
  if (nodes.length === 0) note(err.dim('there are no nodes'));
}

function stateOf({ away, lastSeenAt, ready, problems = [] }: ListedNode): string {
  if (away) return `away, last seen ${new Date(lastSeenAt).toISOString()}`;
  const [first] = problems;
  const why = first === undefined ? '' : `: ${first.check}: ${first.problem}`;
  return `${ready === false ? 'not ready' : 'ready'}${why}`;
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`;
}

export async function allPages<T>(
  flags: AdminFlags,
  path: string,
  member: string,
  service?: string,
): Promise<readonly T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: '200' });
    if (service !== undefined) query.set('service', service);
    if (after !== undefined) query.set('after', after);
    const page = await askAdmin<Record<string, readonly T[]> & { next?: string }>(
      flags,
      'GET',
      `${path}?${query}`,
    );
    all.push(...page[member]!);
    after = page.next;
  } while (after !== undefined);
  return all;
}
