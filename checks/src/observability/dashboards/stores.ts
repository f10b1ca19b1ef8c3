import { METRICS } from '@carillon/telemetry';
import { type DashboardSpec, gauge, largest, latency, rate } from '../panel.ts';

export const STORES: DashboardSpec = {
  uid: 'carillon-stores',
  title: 'Carillon: Redis and Postgres',
  description: 'Who holds the partitions, what waits for Postgres, what it refuses.',
  panels: [
    largest('Gateways without Redis', 'bool', METRICS.degraded, 'instance'),
    gauge('Partitions held', 'short', METRICS.leasesHeld, 'instance'),
    largest('Partitions without a router', 'short', METRICS.partitionsWithoutOwner),
    rate('Partitions lost by a silent router', 'cps', METRICS.leasesLost),
    rate('Commits refused, as the lease had passed', 'cps', METRICS.fencedCommits),
    rate('Dead gateways removed', 'cps', METRICS.gatewaysReaped),
    rate('Channels returned to the direct lane', 'cps', METRICS.channelsNarrowed),
    rate('Messages stored', 'cps', METRICS.storedMessages),
    rate('Messages that were stored already', 'cps', METRICS.storedDuplicates),
    largest('Messages that wait for Postgres', 'short', METRICS.logBacklog),
    latency('Insert of a batch', METRICS.storeLatency),
    rate('Failed inserts', 'cps', METRICS.storeFailures, 'kind'),
    largest('Messages that Postgres refuses', 'short', METRICS.refusedMessages),
    rate('Dead letters', 'cps', METRICS.deadLetters),
    rate('Entries taken over from a dead worker', 'cps', METRICS.claimed),
    rate('Questions for stored history', 'cps', METRICS.coldQueries),
    latency('Statements', METRICS.databaseQuery),
    gauge('Database connections', 'short', METRICS.poolConnections, 'state'),
    rate('Messages deleted by retention', 'cps', METRICS.retentionDeleted),
    rate('Jobs', 'cps', METRICS.jobs, 'job, result'),
    latency('Duration of jobs', METRICS.jobSeconds),
  ],
};
