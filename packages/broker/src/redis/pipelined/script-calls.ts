import type { PipelinedConnection } from './pipelined-connection.ts';
import { RedisReplyError, type Reply } from './resp-reader.ts';

/** One call of a script. */
export interface ScriptCall {
  /** The command by the script's hash. */
  readonly byHash: () => string;
  /** The command with the script itself, for a Redis that has forgotten it. */
  readonly bySource: () => string;
  readonly onReply: (reply: Reply) => void;
  readonly onFailure: (error: Error) => void;
}

/**
 * Calls of a script that take effect in the order in which they were made, also when somebody empties Redis's cache of scripts: a call that
 * comes back undone is made again behind the others that are under way, and before all later ones.
 */
export class ScriptCalls {
  readonly #wire: PipelinedConnection;
  #underWay = 0;
  #undone: ScriptCall[] = [];
  /** Made since the first of them came back: no more than come within a round trip. */
  #later: ScriptCall[] = [];

  constructor(wire: PipelinedConnection) {
    this.#wire = wire;
  }

  make(call: ScriptCall): void {
    if (this.#undone.length > 0) {
      this.#later.push(call);
      return;
    }
    this.#underWay++;
    this.#wire.send(
      call.byHash(),
      (reply) => this.#answer(call, reply),
      (error) => {
        this.#underWay--;
        call.onFailure(error);
        this.#repeat();
      },
    );
  }

  #answer(call: ScriptCall, reply: Reply): void {
    this.#underWay--;
    if (reply instanceof RedisReplyError && reply.message.startsWith('NOSCRIPT')) this.#undone.push(call);
    else call.onReply(reply);
    this.#repeat();
  }

  #repeat(): void {
    if (this.#undone.length === 0 || this.#underWay > 0) return;
    const calls = [...this.#undone, ...this.#later];
    this.#undone = [];
    this.#later = [];
    for (const { bySource, onReply, onFailure } of calls) this.#wire.send(bySource(), onReply, onFailure);
  }
}
