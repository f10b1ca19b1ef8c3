import { once } from 'node:events';
import { createServer } from 'node:net';
import { CliError } from '../cli-error.ts';

export interface WantedPort {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** How to choose another one. */
  readonly variable: string;
}

/** Looks whether all ports are free, before anything is started. @throws CliError naming those that are not. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const checked = await Promise.all(wanted.map(async (one) => ({ ...one, fault: await faultOf(one) })));
  const taken = checked.filter(({ fault }) => fault !== undefined);
  if (taken.length === 0) return;
  const texts = taken.map(
    ({ name, host, port, fault }) => `The port of the ${name}, ${host}:${port}, ${fault}.`,
  );
  const settings = taken.map(({ variable, port }) => `${variable}=${port + 10_000}`).join(' ');
  throw new CliError(texts.join(' '), {
    hint: `Stop what uses it, or choose another one: ${settings} npm start`,
  });
}

async function faultOf({ host, port }: WantedPort): Promise<string | undefined> {
  if (port === 0) return undefined;
  const probe = createServer();
  try {
    probe.listen({ host, port, exclusive: true });
    await once(probe, 'listening');
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return 'is taken by another process';
    if (code === 'EACCES') return 'may not be used by this user';
    return `can't be used: ${message}`;
  } finally {
    probe.close();
  }
}
