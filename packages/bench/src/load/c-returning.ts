/** Clients of Carillon that come back, by floor/resume.c. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DIALECTS } from './dialects.ts';
import type { ResumeReport } from './plan.ts';
import { upgradeRequest } from './raw-socket.ts';
import type { Returning, ReturningPlan, Returns } from './returning.ts';

export class CReturning implements Returning {
  readonly #folder = mkdtempSync(join(tmpdir(), 'carillon-resume-'));
  readonly #channels: readonly string[];
  readonly #clients: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #started: Promise<unknown>;

  constructor(program: string, plan: ReturningPlan) {
    this.#channels = [...new Set(plan.clients.flatMap(({ channels }) => channels))];
    this.#clients = plan.clients.length;
    const file = join(this.#folder, 'plan');
    writeFileSync(file, planOf(plan, this.#channels));
    this.#child = spawn(program, [file, String(plan.openAtOnce)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    this.#started = this.#answer();
  }

  async open(): Promise<void> {
    await this.#started;
    const { ready } = await this.#ask<{ readonly ready: number }>('open');
    if (ready === this.#clients) return;
    const { problems } = await this.returns();
    throw new Error(
      `opening: ${ready} of ${this.#clients} clients were connected in time; ${problems[0] ?? ''}`,
    );
  }

  async mark(): Promise<void> {
    await this.#ask('mark');
  }

  async drop(atUs: number, count: number): Promise<void> {
    await this.#ask(`drop ${atUs} ${count}`);
  }

  returns(): Promise<Returns> {
    return this.#ask('report');
  }

  finish(published: Readonly<Record<string, number>>): Promise<ResumeReport> {
    const file = join(this.#folder, 'published');
    writeFileSync(
      file,
      Uint32Array.from(this.#channels, (channel) => published[channel] ?? 0),
    );
    return this.#ask(`finish ${file}`);
  }

  end(): void {
    this.#child.stdin!.end();
    rmSync(this.#folder, { recursive: true });
  }

  async #ask<Answer>(order: string): Promise<Answer> {
    this.#child.stdin!.write(`${order}\n`);
    return (await this.#answer()) as Answer;
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the program of clients that come back ended');
    return JSON.parse(value);
  }
}

/** As resume.c describes it. */
function planOf({ ports, clients }: ReturningPlan, channels: readonly string[]): Buffer {
  const { carillon } = DIALECTS;
  const indexes = new Map(channels.map((channel, i) => [channel, i]));
  return Buffer.concat([
    number(ports.length, 2),
    ...ports.flatMap((port) => [number(port, 2), ...text(upgradeRequest({ ...carillon, port }))]),
    number(channels.length, 4),
    ...channels.flatMap((channel) => text(Buffer.from(channel))),
    number(clients.length, 4),
    ...clients.flatMap((client) => [
      ...text(carillon.hello(client.token)[0]!.send!),
      number(client.channels.length, 1),
      ...client.channels.map((channel) => number(indexes.get(channel)!, 4)),
    ]),
  ]);
}

function text(bytes: Buffer): readonly Buffer[] {
  return [number(bytes.length, 2), bytes];
}

function number(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
}
