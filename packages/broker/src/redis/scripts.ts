import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Redis, ReplyError } from 'ioredis';

const FOLDER = new URL('./scripts/', import.meta.url);

const NAMES = [
  'ack',
  'announce',
  'ask-stored',
  'claim',
  'control-announce',
  'control-nodes',
  'extend',
  'heartbeat',
  'history',
  'leave',
  'lease-acquire',
  'lease-release',
  'lease-renew',
  'log-commit',
  'narrow',
  'positions',
  'publish',
  'reap',
  'register',
  'request-ask',
  'request-beat',
  'route-commit',
  'seal',
  'settle',
  'subscribe',
  'unsubscribe',
] as const;

export type ScriptName = (typeof NAMES)[number];

export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** `--@include x` lines are replaced by scripts/include/x.lua. */
function readScript(name: string): Script {
  const text = readFileSync(new URL(`${name}.lua`, FOLDER), 'utf8');
  const source = text.replaceAll(/^--@include (\S+)$/gm, (_line, part: string) =>
    readFileSync(new URL(`include/${part}.lua`, FOLDER), 'utf8'),
  );
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

const SCRIPTS = Object.fromEntries(NAMES.map((name) => [name, readScript(name)])) as Readonly<
  Record<ScriptName, Script>
>;

/** For those who put their commands together themselves. */
export function scriptOf(name: ScriptName): Script {
  return SCRIPTS[name];
}

type Argument = string | number;

/** Runs a script on one key (the partition base) by its hash; sends the source when the server doesn't know it (after a restart). */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  key: string,
  args: readonly Argument[],
): Promise<unknown> {
  const { sha, source } = SCRIPTS[name];
  try {
    return await redis.evalsha(sha, 1, key, ...args);
  } catch (error) {
    if (!(error instanceof ReplyError) || !(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return await redis.eval(source, 1, key, ...args);
  }
}

/** Makes the scripts known on a fresh connection, before anything else goes through it: publishes then never overtake each other by a fallback. */
export async function loadScripts(redis: Redis): Promise<void> {
  await Promise.all(Object.values(SCRIPTS).map(({ source }) => redis.script('LOAD', source)));
}
