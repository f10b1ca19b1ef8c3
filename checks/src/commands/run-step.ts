import pc from 'picocolors';
import { ROOT } from '../root.ts';
import { startChild } from './children.ts';

/** A program to be run whose output matters only when it fails. */
export interface Step {
  readonly title: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Remedy for a failure. */
  readonly fix?: string;
}

export interface StepResult {
  readonly step: Step;
  readonly ok: boolean;
  readonly durationMs: number;
  readonly output: string;
}

/** Is the programs' output, shown when they fail, to be coloured? */
export const COLORED = pc.isColorSupported;

const SPINNER_INTERVAL_MS = 100;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

function runStep(step: Step): Promise<StepResult> {
  const startedAt = Date.now();
  return new Promise((resolve, reject) => {
    const child = startChild(step.file, step.args, {
      cwd: ROOT,
      env: { ...process.env, ...(COLORED ? { FORCE_COLOR: '1' } : {}) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (status) => {
      const output = Buffer.concat(chunks).toString().trim();
      resolve({ step, ok: status === 0, durationMs: Date.now() - startedAt, output });
    });
  });
}

/** Runs steps, some at a time, with a line for each as it ends and the output of those that failed at the end. */
export async function runSteps(steps: readonly Step[], concurrency: number): Promise<readonly StepResult[]> {
  const waiting = [...steps];
  const running = new Set<string>();
  const results: StepResult[] = [];
  const width = Math.max(...steps.map(({ title }) => title.length));
  const status = statusLine(() => `${[...running].join(', ')} ${pc.dim(`(${waiting.length} waiting)`)}`);

  async function work(): Promise<void> {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      running.add(step.title);
      const result = await runStep(step);
      running.delete(step.title);
      results.push(result);
      status.print(resultLine(result, width));
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work));
  status.stop();

  for (const result of results.filter(({ ok }) => !ok)) printFailure(result);
  return results;
}

function resultLine({ step, ok, durationMs, output }: StepResult, width: number): string {
  const mark = ok ? pc.green('✓') : pc.red('✗');
  const summary = ok ? (output.split('\n').findLast((line) => line.trim() !== '') ?? '') : '';
  const time = `${(durationMs / 1000).toFixed(1)}s`.padStart(6);
  return `${mark} ${step.title.padEnd(width)} ${time}  ${pc.dim(summary)}`.trimEnd();
}

function printFailure({ step, output }: StepResult): void {
  console.log(`\n${pc.red(pc.bold(step.title))}${step.fix ? `  ${pc.dim(step.fix)}` : ''}\n${output}`);
}

/** The running step, redrawn in place at a terminal, nothing elsewhere. */
function statusLine(text: () => string) {
  const out = process.stdout;
  if (!out.isTTY || process.env.CI)
    return { print: (line: string) => console.log(line), stop: () => undefined };
  let frame = 0;
  const clear = () => out.write('\r\u001b[K');
  const timer = setInterval(() => {
    frame = (frame + 1) % FRAMES.length;
    out.write(`\r\u001b[K${FRAMES[frame]} ${text()}`);
  }, SPINNER_INTERVAL_MS);
  return {
    print(line: string) {
      clear();
      console.log(line);
    },
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}
