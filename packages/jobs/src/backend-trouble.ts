import { describeRedisFault } from '@carillon/redis';
import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import type { JobsBackend } from './backend.ts';

/** Connection errors of BullMQ: logged, and kept as the cause of calls that time out meanwhile. */
export class BackendTrouble {
  readonly #kind: JobsBackend['kind'];
  readonly #log: RepeatedLog;
  #last: Error | undefined;

  constructor({ kind }: JobsBackend, telemetry: Telemetry) {
    this.#kind = kind;
    this.#log = new RepeatedLog(telemetry.loggerOf('jobs'));
  }

  /** The latest complaint since the last answer. */
  get last(): Error | undefined {
    return this.#last;
  }

  /** For the `error` event of a queue or worker. */
  tell(error: Error, fields: object, message: string): void {
    this.#last = this.#kind === 'redis' ? describeRedisFault(error) : error;
    this.#log.warn({ ...fields, err: this.#last }, message);
  }

  over(): void {
    this.#last = undefined;
  }
}
