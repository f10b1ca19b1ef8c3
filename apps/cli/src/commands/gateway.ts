import { setTimeout as pause } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import { err, exitWhenReaderIsGone, note, print, wantsJson } from '../output/style.ts';
import { table } from '../output/table.ts';
import { type AdminFlags, askAdmin } from '../target/admin-api.ts';
import { allPages, duration } from './nodes.ts';

/** As often as a gateway tells its state. */
const PROGRESS_EVERY_MS = 2000;

interface Drain {
  readonly state: 'draining' | 'drained';
  readonly ratePerSecond: number;
  readonly total: number;
  readonly told: number;
  readonly remaining: number;
  /** Milliseconds since 1970. */
  readonly expectedEndAt?: number;
}

interface Gateway {
  readonly id: string;
  readonly away?: boolean;
  readonly version?: string;
  readonly ready?: boolean;
  readonly connections?: number;
  readonly maxConnections?: number;
  readonly newConnections?: 'accepted' | 'refused';
  readonly drain?: Drain | null;
}

export interface GatewayFlags extends AdminFlags {
  readonly json?: boolean;
}

export interface DrainFlags extends GatewayFlags {
  readonly rate: number;
  readonly stop?: boolean;
  readonly wait: boolean;
}

/** Prints the gateways. */
export async function listGateways(flags: GatewayFlags): Promise<void> {
  exitWhenReaderIsGone();
  const gateways = await allGateways(flags);
  if (wantsJson(flags.json)) {
    for (const gateway of gateways) print(JSON.stringify(gateway));
    return;
  }
  for (const line of table(['GATEWAY', 'VERSION', 'CONNECTIONS', 'NEW', 'STATE'], gateways.map(rowOf)))
    print(line);
  if (gateways.length === 0) note(err.dim('there are no gateways'));
}

/** Has the clients of a gateway go elsewhere, and shows how far it is; or stops that. */
export async function drainGateway(given: string, flags: DrainFlags): Promise<void> {
  const id = await resolveGateway(given, flags);
  const path = `v1/gateways/${encodeURIComponent(id)}/drain`;
  if (flags.stop === true) {
    show(await askAdmin<Gateway>(flags, 'DELETE', path), flags);
    return;
  }
  let gateway = await askAdmin<Gateway>(flags, 'POST', path, { ratePerSecond: flags.rate });
  show(gateway, flags);
  while (flags.wait && gateway.drain?.state === 'draining') {
    await pause(PROGRESS_EVERY_MS);
    const now = (await allGateways(flags)).find((one) => one.id === id);
    if (now === undefined) throw new CliError(`${id} has stopped`);
    if (now.away === true) throw new CliError(`${id} is away: it says nothing any more`);
    if (now.drain === null) throw new CliError(`the drain of ${id} was stopped`);
    gateway = now;
    show(gateway, flags);
  }
}

/** Has a gateway refuse new connections, or take them again. */
export async function setNewConnections(given: string, allowed: boolean, flags: GatewayFlags): Promise<void> {
  const id = await resolveGateway(given, flags);
  const path = `v1/gateways/${encodeURIComponent(id)}/new-connections`;
  show(await askAdmin<Gateway>(flags, 'POST', path, { allowed }), flags);
}

function allGateways(flags: AdminFlags): Promise<readonly Gateway[]> {
  return allPages<Gateway>(flags, 'v1/gateways', 'gateways');
}

/** @throws CliError unless there is one gateway of this id, or one whose id begins like this */
async function resolveGateway(given: string, flags: AdminFlags): Promise<string> {
  const gateways = await allGateways(flags);
  const ids = gateways.map(({ id }) => id);
  const found = ids.includes(given) ? [given] : ids.filter((id) => id.startsWith(given));
  if (found.length === 1) return found[0]!;
  throw new CliError(
    found.length === 0
      ? `There is no gateway whose id begins with ${given}`
      : `${given} may be ${found.join(' or ')}`,
    { hint: '`carillon gateway list` shows all of them.' },
  );
}

function show(gateway: Gateway, flags: GatewayFlags): void {
  print(wantsJson(flags.json) ? JSON.stringify(gateway) : `${gateway.id}: ${sentenceOf(gateway)}`);
}

function rowOf(gateway: Gateway): readonly string[] {
  const { id, version = '', connections, maxConnections, newConnections = '' } = gateway;
  return [
    id,
    version,
    connections === undefined ? '' : `${connections}/${maxConnections}`,
    newConnections,
    stateOf(gateway),
  ];
}

function stateOf({ away, ready, drain }: Gateway): string {
  if (away === true) return 'away';
  if (drain != null) return drainText(drain);
  return ready === false ? 'not ready' : 'ready';
}

function sentenceOf({ connections, newConnections, drain }: Gateway): string {
  if (drain != null) return drainText(drain);
  return `${connections} connections, new ones are ${newConnections}`;
}

function drainText({ state, ratePerSecond, total, remaining, expectedEndAt }: Drain): string {
  if (state === 'drained') return 'drained, nobody is left';
  const left = expectedEndAt === undefined ? '' : `, about ${duration(expectedEndAt - Date.now())} more`;
  return `draining at ${ratePerSecond}/s, ${remaining} of ${total} left${left}`;
}
