import { METRICS } from '@carillon/telemetry';
import { type DashboardSpec, gauge, largest, latency, rate } from '../panel.ts';

export const MESSAGES: DashboardSpec = {
  uid: 'carillon-messages',
  title: 'Carillon: do messages arrive?',
  description:
    'The way of a message: publish, route, delivery, recovery; then requests, schedules, webhooks.',
  panels: [
    rate('Publishes', 'cps', METRICS.messagesIn, 'transport, result'),
    latency('Publish to accepted', METRICS.publishLatency),
    gauge('Publishes that wait for stored', 'short', METRICS.storedPending),
    rate('Deliveries', 'cps', METRICS.messagesOut),
    latency('Publisher to subscriber', METRICS.deliveryLatency),
    rate('Bytes to clients', 'Bps', METRICS.bytesOut),
    rate('Routed messages', 'cps', METRICS.routedMessages),
    rate('Copies to gateways', 'cps', METRICS.routedCopies),
    largest('Entries that wait for a router', 'short', METRICS.routeBacklog, 'partition'),
    rate('Subscriptions with a position', 'cps', METRICS.recoveries, 'result'),
    rate('Missed messages given', 'cps', METRICS.recoveredMessages),
    rate('Gaps healed', 'cps', METRICS.gapsHealed),
    rate('Gaps told to clients', 'cps', METRICS.gapsTold),
    rate('Repeats dropped', 'cps', METRICS.duplicatesDropped),
    rate('Sent again to consumers', 'cps', METRICS.redeliveries),
    rate('Requests to back ends', 'cps', METRICS.requests, 'result'),
    latency('Request to answer', METRICS.requestSeconds),
    gauge('Requests without an answer', 'short', METRICS.requestsOpen),
    gauge('Workers that answer', 'short', METRICS.requestWorkers),
    gauge('Requests that wait for a worker', 'short', METRICS.requestsWaiting),
    rate('Requests handed to endpoints', 'cps', METRICS.responderRequests, 'endpoint, result'),
    latency('Answers of endpoints', METRICS.responderSeconds),
    rate('Scheduled messages', 'cps', METRICS.scheduledMessages, 'result'),
    latency('Lateness of scheduled messages', METRICS.scheduleDelay),
    rate('Webhooks', 'cps', METRICS.webhookDeliveries, 'endpoint, result'),
    latency('Webhook attempts', METRICS.webhookSeconds),
    largest('Endpoints given a pause', 'bool', METRICS.webhookCircuit, 'endpoint'),
  ],
};
