import { METRICS } from '@carillon/telemetry';
import { type DashboardSpec, gauge, largest, latency, rate } from '../panel.ts';
import { only, query } from '../query.ts';

export const OVERVIEW: DashboardSpec = {
  uid: 'carillon-overview',
  title: 'Carillon: is it well?',
  description: 'The whole installation at a glance. The other dashboards go into each part.',
  panels: [
    { ...largest('Gateways without Redis', 'short', METRICS.degraded), isNumber: true },
    { ...largest('Partitions without a router', 'short', METRICS.partitionsWithoutOwner), isNumber: true },
    { ...largest('Messages that wait for Postgres', 'short', METRICS.logBacklog), isNumber: true },
    {
      title: 'Connections in use',
      description: 'Share of the connections that all gateways take.',
      unit: 'percentunit',
      isNumber: true,
      lines: [
        { query: query`sum(${METRICS.connections}) / sum(${METRICS.connectionsLimit})`, legend: 'in use' },
      ],
    },
    {
      title: 'Messages',
      description: 'Published and delivered, all channels.',
      unit: 'cps',
      lines: [
        {
          query: query`sum(rate(${only(METRICS.messagesIn, { result: 'accepted' })}[$__rate_interval]))`,
          legend: 'published',
        },
        { query: query`sum(rate(${METRICS.messagesOut}[$__rate_interval]))`, legend: 'delivered' },
      ],
    },
    latency('From publisher to subscriber', METRICS.deliveryLatency),
    {
      title: 'Refused publishes',
      description: 'By error code; docs/reference/errors.md has their meaning.',
      unit: 'cps',
      lines: [
        {
          query: query`sum by (result) (rate(${only(METRICS.messagesIn, { result: '!~accepted|duplicate' })}[$__rate_interval]))`,
          legend: '{{result}}',
        },
      ],
    },
    gauge('Connections', 'short', METRICS.connections),
    {
      title: 'Processes',
      description: 'By service and version; two versions during a roll-out.',
      unit: 'short',
      lines: [
        {
          query: query`count by (service, version) (${METRICS.buildInfo})`,
          legend: '{{service}} {{version}}',
        },
      ],
    },
    largest('Loops that fail again and again', 'short', METRICS.loopCritical, 'loop'),
    rate('Restarts of loops', 'cps', METRICS.loopRestarts, 'loop'),
    {
      title: 'Youngest process',
      description: 'Time since the process that was started last has been running.',
      unit: 's',
      lines: [{ query: query`min(${METRICS.processUptime})`, legend: 'uptime' }],
    },
  ],
};
