import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { CliError } from '../cli-error.ts';

const APART = 10_000;
const HIGHEST_PORT = 65_535;

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
  const settings = taken.map(({ variable, port }) => `${variable}=${anotherPort(port)}`).join(' ');
  throw new CliError(texts.join(' '), {
    hint: `Stop what uses it, or choose another one: ${settings} npm start`,
  });
}

function anotherPort(port: number): number {
  return port + APART <= HIGHEST_PORT ? port + APART : port - APART;
}

/** A port that is free now, for those who ask for any. The others have to know it before the listener is there. */
export async function anyFreePort(host: string): Promise<number> {
  const probe = createServer();
  probe.listen({ host, port: 0 });
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

async function faultOf({ host, port }: WantedPort): Promise<string | undefined> {
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
