/** `node --import <this file>` with `SHIFTED_CLOCK_MS`: the process lives so much later (or earlier, below 0) than the others. */
import { environment } from './config.ts';

const { shiftedClockMs } = environment;
const RealDate = Date;

if (shiftedClockMs !== 0) {
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(
        target,
        args.length === 0 ? [target.now() + shiftedClockMs] : args,
        newTarget,
      ) as Date,
    apply: (target) => new target(target.now() + shiftedClockMs).toString(),
    get: (target, name) => (name === 'now' ? () => target.now() + shiftedClockMs : Reflect.get(target, name)),
  });
}
