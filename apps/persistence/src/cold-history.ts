import type { ColdQuery, HistoryEntry } from '@carillon/broker';
import { type Database, findCursor, readAfter, readBefore, readRange } from '@carillon/db';
import { METRICS, type Telemetry } from '@carillon/telemetry';
import { splitChannel } from './log-entry-reader.ts';
import type { ScheduleAnswers } from './schedule-answers.ts';

/** Answers travel through the broker: bounded, whatever was asked. */
const MAX_ENTRIES = 200;
const MAX_BYTES = 1024 * 1024;

/** Answers gateways' questions for history that is no longer hot. */
export function createColdAnswerer(
  database: Database,
  telemetry: Telemetry,
  schedules: ScheduleAnswers,
): (query: ColdQuery) => Promise<readonly HistoryEntry[]> {
  const asked = telemetry.metrics.counter(METRICS.coldQueries);
  return async (query) => {
    asked.add();
    const channel = splitChannel(query.channel);
    if (query.kind === 'schedule') return await schedules.answer(channel, query.request);
    if (query.kind === 'cursor') {
      const cursor = await findCursor(database, { ...channel, consumer: query.consumer });
      return cursor === undefined ? [] : [{ ...cursor, record: '' }];
    }
    const bounds = { limit: Math.min(query.limit, MAX_ENTRIES), maxBytes: MAX_BYTES };
    switch (query.kind) {
      case 'range':
        return await readRange(database, channel, {
          ...bounds,
          epoch: query.epoch,
          from: query.from,
          to: query.to,
        });
      case 'after':
        return await readAfter(database, channel, query.position, bounds);
      case 'before':
        return await readBefore(database, channel, query.position, bounds);
    }
  };
}
