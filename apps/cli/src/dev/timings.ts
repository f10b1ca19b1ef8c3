import { performance } from 'node:perf_hooks';
import { err, note } from '../output/style.ts';

/** How long each step of the start took. */
export class Timings {
  /** The first one: Node, the bootstrap where it is in the same process, and what is loaded until the settings can be read. */
  readonly #steps: { readonly name: string; readonly fromMs: number; readonly toMs: number }[] = [
    { name: 'process', fromMs: 0, toMs: this.nowMs },
  ];

  /** Milliseconds since the process began. */
  get nowMs(): number {
    return performance.now();
  }

  async measure<T>(name: string, step: () => T | Promise<T>): Promise<T> {
    const fromMs = this.nowMs;
    const result = await step();
    this.#steps.push({ name, fromMs, toMs: this.nowMs });
    return result;
  }

  print(): void {
    const width = Math.max(...this.#steps.map(({ name }) => name.length));
    for (const { name, fromMs, toMs } of this.#steps.toSorted((a, b) => a.fromMs - b.fromMs)) {
      const line = `${name.padEnd(width)}  ${ms(toMs - fromMs)}  ${err.dim(`from ${ms(fromMs)} to ${ms(toMs)}`)}`;
      note(line);
    }
  }
}

function ms(value: number): string {
  return `${value.toFixed(0).padStart(5)} ms`;
}
