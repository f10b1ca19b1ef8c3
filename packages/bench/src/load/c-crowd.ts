/** Many connections opened by floor/crowd.c. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Crowd, CrowdClient, CrowdOpening } from './crowd.ts';
import { type Dialect, openingSteps, type Step } from './dialects.ts';
import { upgradeRequest } from './raw-socket.ts';

const HEAD_END = '\r\n\r\n';

interface Printed {
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly failed: number;
  readonly problem: string;
  readonly timesUs: readonly number[];
}

export class CCrowd implements Crowd {
  readonly #program: string;
  readonly #clients: readonly CrowdClient[];
  readonly #dialect: Dialect;
  readonly #atOnce: number;
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;

  constructor(
    program: string,
    options: { readonly dialect: Dialect; readonly clients: readonly CrowdClient[]; readonly atOnce: number },
  ) {
    this.#program = program;
    this.#clients = options.clients;
    this.#dialect = options.dialect;
    this.#atOnce = options.atOnce;
  }

  async prepare(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-crowd-'));
    const plan = join(folder, 'plan');
    writeFileSync(plan, Buffer.concat(this.#clients.map((client) => planOf(client, this.#dialect))));
    const child = spawn(this.#program, [plan, String(this.#atOnce)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    await this.#line();
    rmSync(folder, { recursive: true });
  }

  async open(): Promise<CrowdOpening> {
    this.#child!.stdin!.write('go\n');
    const { wallUs, cpuUs, failed, problem, timesUs } = JSON.parse(await this.#line()) as Printed;
    const problems = failed === 0 ? [] : [`${failed} connections failed: ${problem}`];
    return { wallUs, cpuUs, timesUs, problems };
  }

  async leave(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    child.stdin!.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines!.next();
    if (done) throw new Error('the crowd program ended');
    return value;
  }
}

/** One connection of the plan, as crowd.c describes it. */
function planOf({ port, channel, token }: CrowdClient, dialect: Dialect): Buffer {
  const upgrade: Step = { send: upgradeRequest({ ...dialect, port }), until: HEAD_END };
  const steps = [upgrade, ...openingSteps(dialect, token, channel)];
  const head = Buffer.alloc(3);
  head.writeUInt16LE(port);
  head[2] = steps.length;
  return Buffer.concat([head, ...steps.flatMap(stepOf)]);
}

function stepOf({ send = Buffer.alloc(0), until }: Step): readonly Buffer[] {
  const [sendLength, untilLength] = [Buffer.alloc(4), Buffer.alloc(2)];
  sendLength.writeUInt32LE(send.length);
  untilLength.writeUInt16LE(until.length);
  return [sendLength, send, untilLength, Buffer.from(until)];
}
