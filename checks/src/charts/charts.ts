import { globalValues } from './global-values.ts';
import { serviceValues } from './service-values.ts';
import { SERVICES, type Service } from './settings.ts';
import {
  computed,
  flag,
  integer,
  leaf,
  type Members,
  object,
  objects,
  section,
  text,
  textMap,
  texts,
} from './value.ts';

export const HELM = 'infra/helm';

export interface Chart {
  readonly name: string;
  readonly service: Service | undefined;
  readonly values: Members;
}

/** Ports of infra/docker/bundle.mjs; a gateway has its metrics on a port of their own. */
export const PORTS: Readonly<Record<Service, { readonly port: number; readonly metricsPort: number }>> = {
  gateway: { port: 8080, metricsPort: 9090 },
  admin: { port: 8081, metricsPort: 8081 },
  router: { port: 8082, metricsPort: 8082 },
  persistence: { port: 8083, metricsPort: 8083 },
};

const DEFAULTS = {
  gateway: { replicas: 2, cpu: '500m', memory: '512Mi', servicePort: 80 },
  router: { replicas: 2, cpu: '250m', memory: '256Mi', servicePort: 8082 },
  persistence: { replicas: 2, cpu: '250m', memory: '384Mi', servicePort: 8083 },
  admin: { replicas: 1, cpu: '100m', memory: '256Mi', servicePort: 80 },
} as const;

function gatewayValues(): Members {
  return {
    tls: section('TLS in the gateway itself, instead of in what stands before it.', {
      existingSecret: text('Secret of type kubernetes.io/tls. A new certificate is taken without a restart.'),
    }),
    ingress: section('Ingress. docs/operations/kubernetes.md says what each controller does to WebSockets.', {
      enabled: flag('Whether it is made.', false),
      className: text('Class of the controller.'),
      annotations: textMap('Its annotations: time-outs above the ping interval, above all.'),
      hosts: texts('Host names.'),
      path: text(
        'Path below which the gateway answers. Anything but `/` needs a controller that takes it off.',
        '/',
        '^/',
      ),
      tls: objects('TLS of the Ingress: `[{secretName, hosts}]`.'),
    }),
    httpRoute: section('HTTPRoute of the Gateway API.', {
      enabled: flag('Whether it is made.', false),
      parentRefs: objects('Gateways that take it.'),
      hostnames: texts('Host names.'),
      pathPrefix: text(
        'Path below which the gateway answers; taken off before the gateway sees it.',
        '/',
        '^/',
      ),
      annotations: textMap('Its annotations.'),
    }),
    test: section('`helm test`: publishes a message and receives it.', {
      enabled: flag('Whether the test is there.', true),
      channel: text('Channel of the test.', 'helm-test:probe'),
      tokenSecret: leaf(
        'Secret and key with a token that may publish to and subscribe the channel. Without it the test signs one with `jwt-secret`.',
        null,
        {
          type: ['object', 'null'],
          additionalProperties: false,
          required: ['name', 'key'],
          properties: { name: { type: 'string', minLength: 1 }, key: { type: 'string', minLength: 1 } },
        },
      ),
    }),
  };
}

function persistenceValues(): Members {
  return {
    migration: section('Job that brings the database to the schema of this version. Pods wait for it.', {
      enabled: flag('Whether the Job is made.', true),
      hook: flag('Whether it is a hook that runs before everything else (pre-install, pre-upgrade).', false),
      backoffLimit: integer('How often it is tried again.', 10, 0, 100),
      activeDeadlineSeconds: integer('Longest time in all.', 1800, 10, 86_400),
      ttlSecondsAfterFinished: computed(
        'When Kubernetes removes it. Leave it out with GitOps tools: they would make it again.',
        0,
        31_536_000,
      ),
      resources: object('Requests and limits of the Job.', {
        requests: { cpu: '50m', memory: '128Mi' },
        limits: { memory: '256Mi' },
      }),
    }),
  };
}

function trialStore(image: string, memory: string, storage: string): Members {
  return {
    image: text('Image.', image),
    resources: object('Requests and limits.', {
      requests: { cpu: '100m', memory },
      limits: { memory },
    }),
    persistence: section('Its disk.', {
      enabled: flag('Whether its data outlive the pod.', true),
      size: text('Size of the volume.', storage, '^[0-9]+(Mi|Gi|Ti)$'),
      storageClassName: text('Class of the volume.'),
    }),
  };
}

function umbrellaValues(): Members {
  const nested = (service: Service) =>
    object(`Values of carillon-${service}; its README has all of them.`, { enabled: true });
  return {
    global: section('What all services share.', globalValues()),
    gateway: nested('gateway'),
    router: nested('router'),
    persistence: nested('persistence'),
    admin: nested('admin'),
    trial: section('The pair of `global.trial`.', {
      redis: section('Redis for trying out.', trialStore('redis:7', '256Mi', '2Gi')),
      postgres: section('Postgres for trying out.', trialStore('postgres:17', '256Mi', '5Gi')),
    }),
    allowDataLoss: flag(
      'An upgrade that loses data (fewer or more partitions, shorter retention, a trial pair that goes) is refused unless this is true.',
      false,
    ),
    prometheusRule: section('PrometheusRule with the alerts of docs/operations/alerts.md.', {
      enabled: flag('Whether it is made.', false),
      runbookBaseUrl: text(
        'Address of that page where your people read it; each alert then has a runbook_url.',
        '',
        '^(https?://.+)?$',
      ),
      labels: textMap('Labels by which a Prometheus chooses it.'),
    }),
    dashboards: section('Grafana dashboards as ConfigMaps.', {
      enabled: flag('Whether they are made.', false),
      label: text("Label by which Grafana's sidecar finds them.", 'grafana_dashboard'),
      labelValue: text('Its value.', '1'),
      folder: text('Folder in Grafana (annotation grafana_folder).', 'Carillon'),
    }),
    extraManifests: objects('More resources, rendered as they are.'),
  };
}

const OWN: Readonly<Partial<Record<Service, () => Members>>> = {
  gateway: gatewayValues,
  persistence: persistenceValues,
};

export function charts(): readonly Chart[] {
  const ofServices = SERVICES.map((service) => ({
    name: `carillon-${service}`,
    service,
    values: { ...serviceValues(service, DEFAULTS[service]), ...OWN[service]?.() },
  }));
  return [...ofServices, { name: 'carillon', service: undefined, values: umbrellaValues() }];
}
