import { RealtimeClient } from '@carillon/client';
import { CliError } from '../cli-error.ts';
import { SIGINT_EXIT_CODE } from '../exit-codes.ts';
import { err, exitWhenReaderIsGone, note, print } from '../output/style.ts';
import { openClient } from '../target/open-client.ts';
import { resolveTarget, type Target } from '../target/resolve-target.ts';
import { atMost } from './at-most.ts';
import { gradeOf } from './grade.ts';
import { interruption } from './interruption.ts';
import { Load } from './load.ts';
import { type BenchFlags, type BenchPlan, planOf } from './plan.ts';
import { type BenchReport, reportText } from './report.ts';
import { type ServerUsage, serverUsage } from './server-usage.ts';

const PROGRESS_EVERY_MS = 1_000;

/**
 * Measures a deployment with clients of the SDK. Exit code 1 when a message was lost, doubled or out of order, or has no answer, or none came;
 * 130 after Ctrl-C, which ends publishing and shows what there is.
 */
export async function bench(flags: BenchFlags): Promise<void> {
  const plan = planOf(flags);
  exitWhenReaderIsGone();
  const target = targetOf(flags, 0);
  // One person's client first: what is wrong with the address or the token is told once, with what to do about it.
  (await openClient(target, () => undefined)).close();
  const load = new Load(plan, (index) => open(targetOf(flags, index), flags.logLevel));
  try {
    const report = await measure(load, plan, target.url, flags.logLevel);
    print(flags.output === 'json' ? JSON.stringify(report) : reportText(report));
    const faults = report.lost + report.duplicated + report.reordered + report.failed;
    if (faults + report.published.unanswered > 0 || report.delivered.count === 0) process.exitCode = 1;
    if (report.interrupted) process.exitCode = SIGINT_EXIT_CODE;
  } finally {
    load.close();
  }
}

/** Each client is a user of its own where tokens can be minted: limits of sessions are for users. */
function targetOf(flags: BenchFlags, index: number): Target {
  const target = resolveTarget({ ...flags, user: flags.user ?? `bench-${index}` });
  return flags.anonymous ? { ...target, auth: {} } : target;
}

async function open(target: Target, logLevel: BenchFlags['logLevel']): Promise<RealtimeClient> {
  const client = new RealtimeClient({ url: target.url, ...target.auth });
  if (logLevel === 'debug')
    client.on('disconnected', ({ code, reason }) => note(err.dim(`disconnected: ${reason} (${code})`)));
  await client.connect();
  return client;
}

async function measure(
  load: Load,
  plan: BenchPlan,
  url: string,
  logLevel: BenchFlags['logLevel'],
): Promise<BenchReport> {
  const progress = startProgress(load, plan, logLevel);
  try {
    await load.connect();
    if (load.counts.connected === 0)
      throw new CliError('No client could connect', { hint: [...load.problems][0] });
    const before = await serverUsage(url);
    const startMs = performance.now();
    const interrupted = interruption();
    load.start();
    await atMost(interrupted.asked, plan.durationMs);
    const seconds = (performance.now() - startMs) / 1000;
    const { accepted } = load;
    const { delivered } = load.counts;
    const after = await serverUsage(url);
    await load.settle();
    return reportOf(load, plan, {
      ...{ url, seconds, accepted, delivered, before, after },
      interrupted: interrupted.happened,
    });
  } finally {
    progress.stop();
  }
}

interface Measured {
  readonly url: string;
  readonly seconds: number;
  readonly interrupted: boolean;
  /** Until publishing ended, for the rates. */
  readonly accepted: number;
  readonly delivered: number;
  readonly before: ServerUsage | undefined;
  readonly after: ServerUsage | undefined;
}

function reportOf(load: Load, plan: BenchPlan, measured: Measured): BenchReport {
  const { url, seconds, interrupted, before, after } = measured;
  const deliveryMs = load.latencies.summary();
  const perSecond = measured.delivered / seconds;
  const comparable = before !== undefined && after !== undefined && before.instance === after.instance;
  return {
    url,
    plan,
    seconds,
    interrupted,
    connected: load.counts.connected,
    disconnected: load.counts.disconnected,
    failed: load.counts.failed,
    published: {
      accepted: load.accepted,
      refused: load.refused,
      unanswered: load.unanswered,
      perSecond: measured.accepted / seconds,
    },
    delivered: { count: load.counts.delivered, perSecond },
    lost: load.lost,
    duplicated: load.duplicated,
    reordered: load.reordered,
    deliveryMs,
    connectMs: load.connecting.summary(),
    server: comparable
      ? {
          cpuUsPerDelivery:
            ((after.cpuSeconds - before.cpuSeconds) * 1_000_000) / Math.max(1, measured.delivered),
          rssBytes: after.rssBytes,
        }
      : undefined,
    grade: gradeOf(deliveryMs.avg, perSecond),
    problems: [...load.problems],
  };
}

/** A line a second on stderr; at a terminal always the same one. */
function startProgress(
  load: Load,
  plan: BenchPlan,
  logLevel: BenchFlags['logLevel'],
): { readonly stop: () => void } {
  if (logLevel === 'silent') return { stop: () => undefined };
  const terminal = process.stderr.isTTY === true;
  const startMs = performance.now();
  let last = 0;
  const timer = setInterval(() => {
    const { connected, away, delivered } = load.counts;
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0).padStart(3);
    const text = `${seconds} s  ${connected - away}/${plan.clients} clients  ${load.accepted} published  ${delivered} delivered (${delivered - last}/s)`;
    last = delivered;
    process.stderr.write(terminal ? `\r\u001b[2K${err.dim(text)}` : `${text}\n`);
  }, PROGRESS_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      if (terminal) process.stderr.write('\r\u001b[2K');
    },
  };
}
