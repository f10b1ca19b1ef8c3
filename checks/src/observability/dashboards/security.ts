import { METRICS } from '@carillon/telemetry';
import { type DashboardSpec, gauge, rate } from '../panel.ts';
import { only, query } from '../query.ts';

export const SECURITY: DashboardSpec = {
  uid: 'carillon-security',
  title: 'Carillon: who is turned away?',
  description: 'Refused tokens, connections and frames, and what could not be logged.',
  panels: [
    rate('Refused tokens', 'cps', METRICS.authFailures, 'code'),
    {
      title: 'Refused connections',
      description: 'Connections that ended before they were open, by error code.',
      unit: 'cps',
      lines: [
        {
          query: query`sum by (result) (rate(${only(METRICS.connectionsTotal, { result: '!opened' })}[$__rate_interval]))`,
          legend: '{{result}}',
        },
      ],
    },
    gauge('Sockets with and without a token', 'short', METRICS.clientSockets, 'state'),
    rate('Sockets ended to make room', 'cps', METRICS.clientSocketsEvicted),
    rate('Invalid frames', 'cps', METRICS.framesInvalid, 'code'),
    rate('Lines lost by the log', 'cps', METRICS.logLinesLost),
    rate('Spans lost', 'cps', METRICS.spansLost),
  ],
};
