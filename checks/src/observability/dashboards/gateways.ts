import { METRICS } from '@carillon/telemetry';
import { type DashboardSpec, gauge, largest, rate } from '../panel.ts';
import { query } from '../query.ts';

export const GATEWAYS: DashboardSpec = {
  uid: 'carillon-gateways',
  title: 'Carillon: are the processes keeping up?',
  description: 'Connections of gateways, and event loop, CPU and memory of every process.',
  panels: [
    gauge('Connections', 'short', METRICS.connections, 'instance'),
    gauge('Most connections', 'short', METRICS.connectionsLimit, 'instance'),
    rate('Connections that begin', 'cps', METRICS.connectionsTotal, 'result'),
    rate('Connections that end', 'cps', METRICS.closesTotal, 'code'),
    gauge('New connections refused', 'short', METRICS.newConnectionsRefused, 'instance'),
    gauge('Connections that a drain has to end', 'short', METRICS.drainRemaining, 'instance'),
    rate('Clients told to reconnect elsewhere', 'cps', METRICS.drainedConnections, 'instance'),
    gauge('Sockets', 'short', METRICS.clientSockets, 'state'),
    gauge('Subscriptions', 'short', METRICS.subscriptions, 'instance'),
    gauge('Channels', 'short', METRICS.channels, 'instance'),
    rate('Frames from clients', 'cps', METRICS.framesIn, 'type'),
    largest('Event-loop delay', 's', METRICS.processEventLoopDelay, 'quantile'),
    rate('Event loop busy', 'percentunit', METRICS.processEventLoopBusySeconds, 'instance'),
    rate('CPU', 'percentunit', METRICS.processCpuSeconds, 'instance, mode'),
    rate('Garbage collection', 'percentunit', METRICS.processGcSeconds, 'instance'),
    gauge('Memory', 'bytes', METRICS.processMemory, 'kind'),
    {
      title: 'Open files',
      description: 'Share of the limit. Each connection is an open file.',
      unit: 'percentunit',
      lines: [
        {
          query: query`max by (instance) (${METRICS.processOpenFds} / (${METRICS.processOpenFdsLimit} > 0))`,
          legend: '{{instance}}',
        },
      ],
    },
    gauge('Handles', 'short', METRICS.processHandles, 'instance'),
  ],
};
