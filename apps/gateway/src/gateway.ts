import type { Broker } from '@carillon/broker';
import { createNamespaceResolver, createOriginMatcher } from '@carillon/config';
import {
  createHttpServer,
  drainHttp,
  type Fingerprints,
  listening,
  nodeName,
  type Part,
  pause,
  refuseUnknownParameters,
  registerHealthRoutes,
  registerMetricsRoutes,
  type Service,
  ServiceShell,
} from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import { admissionChecks } from './admission/admission.ts';
import { ClientAddresses } from './admission/client-address.ts';
import { ClientSockets } from './admission/client-sockets.ts';
import { HttpAdmission } from './admission/http-admission.ts';
import { Intake } from './admission/intake.ts';
import { AckTracker } from './channels/ack-tracker.ts';
import { Channels } from './channels/channels.ts';
import { PositionWatch } from './channels/position-watch.ts';
import { readMissing } from './channels/read-missing.ts';
import { Subscriptions } from './channels/subscriptions.ts';
import { SystemNotices } from './channels/system-notices.ts';
import type { GatewayConfig } from './config.ts';
import { ControlChannel, withControlPolicy } from './control/control-channel.ts';
import { SessionOperations } from './control/session-operations.ts';
import { UserRoutes } from './control/user-routes.ts';
import { registerConsumers } from './ingress/consumers-route.ts';
import { HttpRoutes } from './ingress/http-routes.ts';
import { PageOrigins } from './ingress/page-origins.ts';
import { PublishMessage } from './ingress/publish-message.ts';
import { ReadHistory } from './ingress/read-history.ts';
import { registerResponseHeaders } from './ingress/response-headers.ts';
import { ScheduleRoutes } from './ingress/schedule-routes.ts';
import { ServeFrame } from './ingress/serve-frame.ts';
import { servedRoutes } from './ingress/served-routes.ts';
import { askAgain, StoredWaiters } from './ingress/stored-waiters.ts';
import { WEBSOCKET_PATH, WebSocketRoute } from './ingress/websocket-route.ts';
import type { ShouldUpgrade } from './ingress/websocket-upgrade.ts';
import { brokerPart } from './lifecycle/broker-part.ts';
import { Degradation } from './lifecycle/degradation.ts';
import { addGatewayNode } from './lifecycle/gateway-node.ts';
import { LateListener } from './lifecycle/late-listener.ts';
import { addMetricsListener } from './lifecycle/metrics-listener.ts';
import { PacedDrain } from './lifecycle/paced-drain.ts';
import { addCertificate, ServedCertificate } from './lifecycle/served-certificate.ts';
import { registerWebSocketHealth } from './lifecycle/websocket-health.ts';
import { Requests } from './requests/requests.ts';
import { createAuthenticator } from './session/authenticate.ts';
import { ClientEvents } from './session/client-events.ts';
import { Connections } from './session/connections.ts';
import { publicName } from './session/public-name.ts';

const ACKNOWLEDGE_MS = 100;
const POSITION_WATCH_MS = 2000;
const RELEASE_MS = 1000;
const DRAIN_TIMEOUT_MS = 5000;
/** A publish that waits for `stored` takes up to 10 s. */
const HTTP_DRAIN_TIMEOUT_MS = 10_000;
const SETTLE_TIMEOUT_MS = 2000;
/** What a stop takes at most without a drain at a rate. */
const AT_ONCE_TIMEOUT_MS = Math.max(2 * DRAIN_TIMEOUT_MS + SETTLE_TIMEOUT_MS, HTTP_DRAIN_TIMEOUT_MS) + 1000;
/** A token may come there on every route. */
const TOKEN_PARAMETERS: readonly string[] = ['token', 'access_token'];

export interface GatewayOptions {
  readonly telemetry: Telemetry;
  readonly broker: Broker;
  /** Start the broker with this service and stop it after it; else the caller does. Default false. */
  readonly ownsBroker?: boolean;
  /** Of its settings, for the list of nodes. */
  readonly fingerprints?: Fingerprints | undefined;
  readonly config: Pick<GatewayConfig, 'process' | 'listener' | 'edge' | 'limits' | 'auth' | 'namespaces'>;
}

export interface Gateway extends Service {
  /** Id in the routing table; new at every start. */
  readonly id: string;
  /** The HTTP server, once started: its address has the port. */
  readonly server: FastifyInstance;
  /** Routes served, as `<method> <path>` with parameters in braces. */
  readonly routes: readonly string[];
}

/** The edge gateway: accepts clients, authenticates, publishes, fans out. */
export async function createGateway({
  telemetry,
  broker,
  ownsBroker = false,
  config,
  fingerprints,
}: GatewayOptions): Promise<Gateway> {
  const { limits } = config;
  const id = nodeName(telemetry);
  const name = publicName(id);
  const shell = new ServiceShell(telemetry);
  const namespaces = createNamespaceResolver(config.namespaces);
  const nowMs = (): number => broker.nowMs();
  const feed = broker.feed(id);
  const stored = new StoredWaiters(telemetry);
  const logger = telemetry.loggerOf('gateway');
  const sockets = new ClientSockets(new ClientAddresses(config.edge.trustedProxies), limits, telemetry);
  logger.info({ gateway: id, publicName: name }, 'clients are told the public name of this gateway');
  const connections = new Connections(limits, limits.maxConnections, telemetry);
  const degradation = new Degradation(connections, nowMs, telemetry);
  const channels = new Channels({
    broker,
    feed,
    namespaces: withControlPolicy(namespaces),
    telemetry,
    onStored: (key, epoch, seq) => stored.stored(key, epoch, seq),
    onDataLost: (partitions, signal) =>
      void askAgain(stored, { broker, feed, telemetry, signal }, partitions),
    onConnection: (up, away) => degradation.onConnection(up, away),
  });
  const subscribing = new Subscriptions(
    channels,
    (channel, epoch, from, to) =>
      readMissing({ broker, gateway: id }, { channel: channel.key, epoch, from, to, policy: channel.policy }),
    nowMs,
    telemetry,
  );
  const systemNotices = new SystemNotices(channels, telemetry);
  const ackTracker = new AckTracker({ broker, subscribing, telemetry, gateway: id });
  const publishMessage = new PublishMessage(broker, id, namespaces, telemetry, (key, record) =>
    channels.publishLocally(key, record),
  );
  const readHistory = new ReadHistory({ broker, gateway: id, namespaces, endedEpochs: channels.endedEpochs });
  const authenticator = createAuthenticator(config.auth, telemetry);
  const clientEvents = config.edge.clientEvents
    ? new ClientEvents({ gateway: id, publisher: broker.publisher, nowMs, telemetry })
    : undefined;
  const control = new ControlChannel({
    broker,
    gateway: id,
    channels,
    telemetry,
    execute: new SessionOperations({ gateway: id, connections, nowMs, logger: telemetry.loggerOf('control') })
      .execute,
  });
  const requests = new Requests({ broker, gateway: id, telemetry, limits });
  const serveFrame = new ServeFrame(
    {
      gateway: name,
      authenticator,
      sockets,
      subscribing,
      publishMessage,
      stored,
      readHistory,
      channels,
      ackTracker,
      systemNotices,
      degradation,
      requests,
      onConnected: clientEvents?.connected ?? (() => undefined),
      logger: telemetry.loggerOf('ingress'),
      nowMs,
      limits,
    },
    limits,
    telemetry,
  );
  const origins = new PageOrigins({
    listed: createOriginMatcher(config.edge.allowedOrigins),
    host: config.listener.host,
    logger: telemetry.loggerOf('ingress'),
  });
  const intake = new Intake();
  const drain = new PacedDrain({ connections, isBusy: (one) => requests.isBusy(one), nowMs, telemetry });
  let shouldUpgrade: ShouldUpgrade = () => false;
  const certificate =
    config.edge.tls === undefined ? undefined : new ServedCertificate(config.edge.tls, telemetry);

  const server = createHttpServer(telemetry, {
    ...(certificate !== undefined && {
      https: { ...certificate.pair, handshakeTimeout: limits.handshakeTimeoutMs },
    }),
    shouldUpgrade: (request) => shouldUpgrade(request),
    routerOptions: { maxParamLength: 1000 },
    // Slowloris protection: headers and body must arrive within handshakeTimeoutMs. Upgraded sockets are exempt.
    connectionTimeout: 0,
    requestTimeout: limits.handshakeTimeoutMs,
  });
  const routes = servedRoutes(server);
  await registerResponseHeaders(server, origins);
  registerHealthRoutes(server, telemetry, shell.health);
  const watched = addMetricsListener(shell, telemetry, config) ?? server;
  registerMetricsRoutes(watched, telemetry);
  registerWebSocketHealth(watched, broker, connections, channels);
  shouldUpgrade = new WebSocketRoute({
    gateway: name,
    connections,
    sockets,
    admission: admissionChecks({ sockets, origins, intake, limits }),
    serveFrame,
    telemetry,
    compression: config.edge.compression,
    limits,
  }).register(server);
  sockets.watch(server.server);
  const admission = new HttpAdmission({ authenticator, sockets, limits });
  admission.register(server);
  const { authenticate } = admission;
  new HttpRoutes({ authenticate, publishMessage, readHistory, stored, limits }).register(server);
  refuseUnknownParameters(server, { everywhere: TOKEN_PARAMETERS, exceptAt: WEBSOCKET_PATH });
  registerConsumers(server, { authenticate, broker });
  new ScheduleRoutes({ authenticate, broker, gateway: id, limits }).register(server);

  new UserRoutes({ authenticate, control }).register(server);

  // Not before it was there once; later its absence is no reason to send clients away: no gateway has it.
  shell.health.add(
    'broker',
    async () => {
      const { ready, problems } = await broker.status();
      return ready ? undefined : problems.join('; ');
    },
    { affects: 'nothing' },
  );
  shell.health.add('settings of the broker', async () => (await broker.status()).problems.join('; '), {
    affects: 'nothing',
  });
  if (certificate !== undefined) addCertificate(shell, certificate, server.server);
  const listener = new LateListener(listening(server, config.listener));
  shell.add(listener.closes);
  const neededToServe: readonly Part[] = [
    ...(ownsBroker ? [brokerPart(broker, telemetry, shell.health)] : []),
    { name: 'feed', start: () => feed.start(channels), stop: () => feed.stop() },
    { name: 'control', start: (signal) => control.start(signal), stop: async () => control.stop() },
  ];
  for (const part of neededToServe) shell.add(listener.before(part));
  const watch = new PositionWatch(channels, feed);
  const unlessAway = (work: () => Promise<void>) => async (): Promise<void> => {
    if (!degradation.isCutOff) await work();
  };
  const loops: readonly [name: string, everyMs: number, work: () => Promise<void>][] = [
    ['position watch', POSITION_WATCH_MS, () => watch.compareOnce()],
    ['acknowledgements', ACKNOWLEDGE_MS, () => ackTracker.round()],
    ['channel release', RELEASE_MS, () => channels.releaseIdle()],
  ];
  for (const [name, everyMs, work] of loops) shell.addLoop({ name, everyMs, run: unlessAway(work) });
  if (clientEvents !== undefined) shell.add({ name: 'events of clients', stop: () => clientEvents.stop() });
  addGatewayNode(shell, {
    broker,
    gateway: id,
    publicName: name,
    connections,
    maxConnections: limits.maxConnections,
    intake,
    drain,
    offerRequests: (offers) => requests.offersWorkers(offers),
    telemetry,
    fingerprints,
  });
  const pacedMs = Math.max(0, config.process.shutdownTimeoutMs - AT_ONCE_TIMEOUT_MS - SETTLE_TIMEOUT_MS);
  shell.add({
    name: 'clients',
    stopTimeoutMs: pacedMs + AT_ONCE_TIMEOUT_MS,
    start: async () => {
      intake.phase = 'serving';
      connections.start();
    },
    stop: async () => {
      intake.phase = 'draining';
      const answered = drainHttp(server, HTTP_DRAIN_TIMEOUT_MS);
      await drain.finish(limits.drainRatePerSecond, pacedMs);
      // Clients that wait for no responder are served meanwhile.
      await requests.drain(DRAIN_TIMEOUT_MS);
      degradation.stop();
      systemNotices.stop();
      channels.stop();
      await settled(publishMessage);
      await connections.drain(DRAIN_TIMEOUT_MS);
      await requests.stop();
      // The broker, which answers need, is stopped after this part.
      await answered;
    },
  });
  shell.add(listener.opens);
  return Object.assign(shell, {
    id,
    server,
    routes,
    ...(certificate !== undefined && { reload: certificate.reload }),
  });
}

/** Waits until accepted frames are answered, before connections are closed. */
async function settled(publishMessage: PublishMessage): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  while (publishMessage.underWay > 0 && performance.now() < deadline) await pause(5);
}
