/** A load process. Takes {@link Order}s by IPC; see scenarios/ for what is asked of it. */

import type { Answer, Order, Plan } from './plan.ts';
import { PublisherLoad } from './publisher-load.ts';
import { ResumingLoad } from './resuming-load.ts';
import { SubscriberLoad } from './subscriber-load.ts';

type Load = SubscriberLoad | PublisherLoad | ResumingLoad;

let load: Load | undefined;

function loadOf(plan: Plan): Load {
  if (plan.role === 'subscriber') return new SubscriberLoad(plan);
  return plan.role === 'publisher' ? new PublisherLoad(plan) : new ResumingLoad(plan);
}

async function obey(order: Order): Promise<Answer> {
  if (order.do === 'prepare') {
    load = loadOf(order.plan);
    return { done: 'prepare' };
  }
  if (load === undefined) throw new Error(`'${order.do}' came before 'prepare'`);
  if (order.do === 'open') return { done: 'open', opening: await load.open() };
  if (order.do === 'report') return { done: 'report', report: load.report() };
  if (order.do === 'mark') load.mark();
  else if (order.do === 'stop') await load.stop();
  else if (load instanceof ResumingLoad) return await obeyResuming(load, order);
  else if (load instanceof SubscriberLoad) return await obeySubscribing(load, order);
  else if (order.do === 'start') load.start();
  else if (order.do === 'published') return { done: 'published', published: load.publishedByChannel() };
  else throw new Error(`'${order.do}' is not for connections that publish`);
  return { done: order.do };
}

async function obeySubscribing(subscribing: SubscriberLoad, order: Order): Promise<Answer> {
  if (order.do === 'settle') return { done: 'settle', faults: await subscribing.settle(order.published) };
  throw new Error(`'${order.do}' is not for connections that stay and listen`);
}

async function obeyResuming(resuming: ResumingLoad, order: Order): Promise<Answer> {
  if (order.do === 'finish') return { done: 'finish', resumed: await resuming.finish(order.published) };
  if (order.do === 'drop') await resuming.drop(order.atUs, order.count);
  else if (order.do === 'cut') resuming.startCutting(order.everyMs);
  else if (order.do === 'calm') await resuming.calm();
  else throw new Error(`'${order.do}' is not for connections that come back`);
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
