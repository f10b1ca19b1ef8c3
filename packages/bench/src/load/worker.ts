/** A load process. Takes {@link Order}s by IPC; see scenarios/ for what is asked of it. */

import type { Answer, Order } from './plan.ts';
import { PublisherLoad } from './publisher-load.ts';
import { SubscriberLoad } from './subscriber-load.ts';

type Load = SubscriberLoad | PublisherLoad;

let load: Load | undefined;

async function obey(order: Order): Promise<Answer> {
  if (order.do === 'open') {
    load = order.plan.role === 'subscriber' ? new SubscriberLoad(order.plan) : new PublisherLoad(order.plan);
    await load.open();
    return { done: 'open' };
  }
  if (load === undefined) throw new Error(`'${order.do}' came before 'open'`);
  if (order.do === 'report') return { done: 'report', report: load.report() };
  if (order.do === 'start') load.start();
  if (order.do === 'mark') load.mark();
  if (order.do === 'stop') await load.stop();
  return { done: order.do };
}

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({
        failed: error instanceof Error ? (error.stack ?? error.message) : String(error),
      } satisfies Answer),
  );
});
process.on('disconnect', () => process.exit(0));
