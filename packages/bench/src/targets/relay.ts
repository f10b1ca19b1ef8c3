/** The floor of a message's way: the three processes of floor/relay.c. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { cProgram } from '../load/c-program.ts';
import { usageOf } from '../measure/process-usage.ts';
import { RELAY, type Target } from './target.ts';

interface Part {
  readonly name: string;
  readonly port: number;
  readonly process: ServerProcess;
}

/** `undefined` where no C compiler is. */
export async function startRelay(): Promise<Target | undefined> {
  const program = cProgram('relay');
  if (program === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'carillon-relay-'));
  const parts: Part[] = [];
  const stop = async (): Promise<void> => {
    for (const { process } of parts.toReversed()) await process.stop();
    await rm(folder, { recursive: true });
  };
  const start = async (name: string, role: string, to: string): Promise<Part> => {
    const part = await startPart(program, name, role, to);
    parts.push(part);
    return part;
  };
  try {
    const middle = await start('middle', 'middle', join(folder, 'appended'));
    const nodes = [
      await start('node-a', 'node', String(middle.port)),
      await start('node-b', 'node', String(middle.port)),
    ];
    return targetOf(nodes, [...nodes, middle], stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPart(program: string, name: string, role: string, to: string): Promise<Part> {
  const port = await freePort();
  const process = await startProcess({
    command: program,
    args: [role, String(port), to],
    readyPattern: /listening/,
  });
  return { name, port, process };
}

function targetOf(nodes: readonly Part[], parts: readonly Part[], stop: () => Promise<void>): Target {
  return {
    name: RELAY,
    dialect: 'relay',
    token: '',
    tokens: async (count) => Array.from({ length: count }, () => ''),
    ports: nodes.map(({ port }) => port),
    nodes: nodes.map(({ name }) => name),
    usage: () =>
      Promise.all(
        parts.map(async ({ name, process }) => {
          if (!process.running) throw new Error(`${name} of the relay has ended: ${process.output}`);
          return await usageOf(name, process.pid);
        }),
      ),
    stop,
  };
}
