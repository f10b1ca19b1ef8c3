import { usageError } from '../cli-error.ts';
import { err, exitWhenReaderIsGone, note, out, print, wantsJson } from '../output/style.ts';
import { type AdminFlags, askAdmin } from '../target/admin-api.ts';

interface DeadLetter {
  readonly id: string;
  readonly kind: string;
  readonly app: string;
  readonly channel: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly failedAt: number;
  readonly endpoint?: string;
  readonly attempts: number;
}

export interface DeadLetterFilterFlags extends AdminFlags {
  readonly kind?: string;
  readonly endpoint?: string;
  readonly app?: string;
  readonly channel?: string;
}

export interface ListFlags extends DeadLetterFilterFlags {
  readonly json?: boolean;
  readonly limit: number;
  readonly after?: string;
}

/** Prints dead letters, the latest first. */
export async function listDeadLetters(flags: ListFlags): Promise<void> {
  exitWhenReaderIsGone();
  const query = new URLSearchParams({ ...filterOf(flags), limit: String(flags.limit) });
  if (flags.after !== undefined) query.set('after', flags.after);
  const { deadLetters, next } = await askAdmin<{ deadLetters: readonly DeadLetter[]; next?: string }>(
    flags,
    'GET',
    `v1/dead-letters?${query}`,
  );
  const json = wantsJson(flags.json);
  for (const letter of deadLetters) print(json ? JSON.stringify(letter) : line(letter));
  if (deadLetters.length === 0) note(err.dim('there are no dead letters'));
  if (next !== undefined) note(err.dim(`there are more: --after '${next}'`));
}

/** Prints one with its content. */
export async function showDeadLetter(id: string, flags: AdminFlags): Promise<void> {
  const letter = await askAdmin<DeadLetter>(flags, 'GET', `v1/dead-letters/${encodeURIComponent(id)}`);
  print(JSON.stringify(letter, null, 2));
}

export interface ReplayFlags extends DeadLetterFilterFlags {
  readonly all?: boolean;
  readonly limit: number;
}

/** Replays the ones named, or those that the filter selects. */
export async function replayDeadLetters(ids: readonly string[], flags: ReplayFlags): Promise<void> {
  const filter = filterOf(flags);
  const filtered = flags.all === true || Object.keys(filter).length > 0;
  if (ids.length > 0 === filtered)
    throw usageError('Name dead letters, or say which with --kind, --endpoint, --app, --channel or --all');
  for (const id of ids) {
    const path = `v1/dead-letters/${encodeURIComponent(id)}/replay`;
    const { result } = await askAdmin<{ result: string }>(flags, 'POST', path);
    print(`${id} ${result}`);
  }
  if (ids.length > 0) return;
  const body = { ...filter, limit: flags.limit };
  const { replayed, refused, more } = await askAdmin<{ replayed: number; refused: number; more: boolean }>(
    flags,
    'POST',
    'v1/dead-letters/replay',
    body,
  );
  print(`${replayed} replayed, ${refused} refused again`);
  if (more) note(err.dim('there may be more: repeat the command'));
}

function filterOf({ kind, endpoint, app, channel }: DeadLetterFilterFlags): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ kind, endpoint, app, channel }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

function line({ id, kind, app, channel, reason, failedAt, endpoint, attempts }: DeadLetter): string {
  const to = endpoint === undefined ? '' : ` → ${endpoint} (${attempts} attempts)`;
  const at = new Date(failedAt).toISOString();
  return `${out.dim(at)} ${kind} ${app}/${channel}${to}: ${reason}\n  ${out.dim(id)}`;
}
