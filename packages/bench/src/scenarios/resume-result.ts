/** Shared by the two resume scenarios: their publishers, and the comparison of received with published messages. */
import type { LoadProcess } from '../load/load-process.ts';
import type { LoadReport, ResumeReport, ResumingPlan } from '../load/plan.ts';
import type { Returning } from '../load/returning.ts';
import { histogramUs, summaryUs } from '../load/tally.ts';
import type { Target } from '../targets/target.ts';
import type { Resumes } from './scenario.ts';

const PAD_BYTES = 100;

/** @throws Error when clients of this kind can't come back */
export function resumable({ name, dialect }: Target): ResumingPlan['dialect'] {
  if (dialect === 'carillon' || dialect === 'socketio') return dialect;
  throw new Error(`clients of ${name} can't come back`);
}

/** A publisher at the first node, whose own connection stays. */
export async function openPublisher(
  publisher: LoadProcess,
  target: Target,
  channels: readonly string[],
  ratePerSecond: number,
): Promise<void> {
  await publisher.open({
    role: 'publisher',
    dialect: target.dialect,
    token: target.token,
    connections: [{ port: target.ports[0]!, channels }],
    padBytes: PAD_BYTES,
    ratePerSecond,
    namesChannel: true,
  });
}

/** Ends publishing, waits for what is under way, and compares. Publishes that were not accepted count as published. */
export async function compare(
  publishers: readonly LoadProcess[],
  resuming: Pick<Returning, 'finish'>,
): Promise<ResumeReport> {
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  const published = Object.assign({}, ...(await Promise.all(publishers.map((one) => one.published()))));
  return await resuming.finish(published);
}

export function toResumes(report: ResumeReport, times: readonly number[]): Resumes {
  const { clients, drops, attempts, failedAttempts, recovered, notRecovered, expected, arrived } = report;
  return {
    clients,
    drops,
    attempts,
    failedAttempts,
    recovered,
    notRecovered,
    expected,
    deliveredShare: expected === 0 ? 1 : arrived / expected,
    timeUs: timesOf(times),
  };
}

/** Times of several load processes as one distribution: percentiles can't be added up. */
function timesOf(times: readonly number[]): LoadReport['latencyUs'] {
  const histogram = histogramUs();
  for (const time of times) histogram.recordValue(time);
  return summaryUs(histogram);
}
