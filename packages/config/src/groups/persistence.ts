import { group } from '../group.ts';
import { integer } from '../kinds.ts';
import { withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

export const persistenceSettings = group({
  title: 'Persistence',
  settings: {
    batchMaxMessages: withDefault(integer(1, 10_000, 'messages'), 500, {
      variable: 'CARILLON_PERSISTENCE_BATCH_MAX_MESSAGES',
      description: 'Most messages in one insert.',
      example: '500',
    }),
    lingerMs: withDefault(durationMs(0, 1000), 5, {
      variable: 'CARILLON_PERSISTENCE_LINGER_MS',
      description:
        'How long a batch waits to fill while somebody waits for `stored`: more means less work per message and later `stored`.',
      example: '5',
    }),
    relaxedLingerMs: withDefault(durationMs(0, 1000), 50, {
      variable: 'CARILLON_PERSISTENCE_RELAXED_LINGER_MS',
      description: 'The same while nobody waits for `stored`; the first who does may wait so long, too.',
      example: '50',
    }),
    claimIdleMs: withDefault(durationMs(100, 3_600_000), 15_000, {
      variable: 'CARILLON_PERSISTENCE_CLAIM_IDLE_MS',
      description: 'Messages that another worker took and did not store for this long are taken over.',
      example: '15s',
    }),
    scheduleMaxAheadMs: withDefault(durationMs(1000, 3650 * 86_400_000), 366 * 86_400_000, {
      variable: 'CARILLON_SCHEDULE_MAX_AHEAD',
      description: 'How far ahead a message may be scheduled.',
      example: '30d',
    }),
    scheduleMaxPerApp: withDefault(integer(1, 10_000_000, 'messages'), 10_000, {
      variable: 'CARILLON_SCHEDULE_MAX_PER_APP',
      description: 'Most scheduled messages of an app that wait to be published.',
      example: '10000',
    }),
  },
});
