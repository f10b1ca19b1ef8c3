import { globalValues, secretsSection, settingsSection } from './global-values.ts';
import { type Service, settingsOf } from './settings.ts';
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

/** Where services differ in their defaults. */
export interface ServiceDefaults {
  readonly replicas: number;
  readonly cpu: string;
  readonly memory: string;
  readonly servicePort: number;
}

const PORT = { minimum: 1, maximum: 65_535 };

/** Values that each of the four charts has. */
export function serviceValues(service: Service, defaults: ServiceDefaults): Members {
  return {
    enabled: flag('Whether the umbrella chart installs this service.', true),
    nameOverride: text('Name of the service in the names of its resources.'),
    fullnameOverride: text('Name of its resources. Without it: `<release>-<service>`.'),
    global: section('What all services of an installation share.', globalValues()),
    replicas: integer('Pods, when nothing scales them.', defaults.replicas, 0, 1000),
    settings: settingsSection(`Settings of the ${service}, above \`global.settings\`.`, settingsOf(service)),
    secrets: secretsSection('Settings from Secrets, above `global.secrets`.', settingsOf(service)),
    ...podValues(service, defaults),
    ...lifeValues(),
    ...networkValues(service, defaults),
    ...extraValues(),
  };
}

function podValues(service: Service, { cpu, memory }: ServiceDefaults): Members {
  return {
    image: section('Image of this service.', {
      repository: text('Repository, below `global.image.registry`.', `carillon/${service}`),
      tag: text('Tag, above `global.image.tag`.', '', '^[A-Za-z0-9_.-]{0,128}$'),
      digest: text('Digest, above every tag: `sha256:...`.', '', '^(sha256:[0-9a-f]{64})?$'),
    }),
    resources: object('Requests and limits. No limit on CPU: throttling delays every message.', {
      requests: { cpu, memory },
      limits: { memory },
    }),
    podSecurityContext: object('Security context of the pod.', {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    }),
    securityContext: object('Security context of the containers.', {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    }),
    serviceAccount: section(
      'Service account of the pods. They get no token: no service speaks to Kubernetes.',
      {
        create: flag('Whether the chart makes it.', true),
        name: text('Its name, or that of an existing one.'),
        annotations: textMap('Its annotations.'),
      },
    ),
    nodeSelector: textMap('Labels that nodes must have.'),
    tolerations: objects('Taints that are tolerated.'),
    affinity: object('Affinity of the pods.'),
    priorityClassName: text('Priority class of the pods.'),
    topologySpread: section('Spreads pods over zones and nodes.', {
      enabled: flag('Whether the constraints are set.', true),
      whenUnsatisfiable: leaf('What happens when they can not be met.', 'ScheduleAnyway', {
        type: 'string',
        enum: ['ScheduleAnyway', 'DoNotSchedule'],
      }),
      topologyKeys: texts('Labels of nodes to spread over.', [
        'topology.kubernetes.io/zone',
        'kubernetes.io/hostname',
      ]),
    }),
  };
}

function lifeValues(): Members {
  return {
    probes: section('Probes: /health restarts, /ready gives and takes traffic.', {
      startupSeconds: integer('Longest start before the pod is restarted.', 120, 5, 3600),
      periodSeconds: integer('How often each probe asks.', 5, 1, 60),
      timeoutSeconds: integer('Longest wait for an answer.', 4, 1, 60),
      livenessFailures: integer('Failures of /health in a row before a restart.', 6, 1, 100),
      readinessFailures: integer('Failures of /ready in a row before traffic is taken away.', 2, 1, 100),
    }),
    termination: section('How a pod ends: not ready first, then SIGTERM and the drain, then the exit.', {
      preStopSeconds: integer(
        'Wait before SIGTERM, in which load balancers learn that the pod goes. At least what they need for that.',
        5,
        0,
        300,
      ),
      shutdownTimeoutSeconds: integer(
        'Longest graceful stop of the service (CARILLON_SHUTDOWN_TIMEOUT_MS).',
        25,
        1,
        3600,
      ),
      gracePeriodSeconds: computed(
        'terminationGracePeriodSeconds. Without it: preStopSeconds + shutdownTimeoutSeconds + 5.',
        1,
        7200,
      ),
    }),
    rollout: section('How pods are replaced. maxUnavailable is always 0.', {
      maxSurge: leaf('Pods that may be there beyond `replicas` during a roll-out.', 1, {
        type: ['integer', 'string'],
        minimum: 1,
        pattern: '^([1-9][0-9]?|100)%$',
      }),
      minReadySeconds: integer(
        'How long a new pod has to be ready before the next one is replaced.',
        10,
        0,
        3600,
      ),
      progressDeadlineSeconds: computed(
        'progressDeadlineSeconds. Without it: what one replacement may take (start, minReadySeconds, grace period), at least 600.',
        1,
        86_400,
      ),
      revisionHistoryLimit: integer('Old ReplicaSets that are kept for a roll-back.', 5, 0, 100),
    }),
    podDisruptionBudget: section('Bounds how many pods an eviction may take at once.', {
      enabled: flag('Whether it is made.', true),
      maxUnavailable: leaf('Pods that may be away.', 1, { type: ['integer', 'string', 'null'] }),
      minAvailable: leaf('Pods that must stay, instead of maxUnavailable.', null, {
        type: ['integer', 'string', 'null'],
      }),
    }),
    autoscaling: section('Number of pods by load. Either `hpa` or `keda`.', {
      hpa: section('HorizontalPodAutoscaler. Needs an adapter that serves metrics of pods.', {
        enabled: flag('Whether it is made.', false),
      }),
      keda: section('ScaledObject of KEDA, which asks Prometheus.', {
        enabled: flag('Whether it is made.', false),
        serverAddress: text('Address of Prometheus.'),
        pollingIntervalSeconds: integer('How often it asks.', 15, 1, 3600),
        authenticationRef: text('TriggerAuthentication for Prometheus.'),
      }),
      minReplicas: integer('Fewest pods.', 2, 1, 1000),
      maxReplicas: integer('Most pods.', 10, 1, 1000),
      connectionsPercent: integer(
        'Gateway: share of `maxConnections` that a pod has on average before another is added.',
        70,
        1,
        100,
      ),
      eventLoopDelayMs: integer('Event-loop delay (p99) of a pod before another is added.', 50, 1, 10_000),
      scaleDownStabilizationSeconds: integer(
        'How long the load has to stay low before a pod goes.',
        600,
        0,
        3600,
      ),
      scaleDownPeriodSeconds: integer('At most one pod goes in this time.', 300, 1, 1800),
      extraMetrics: objects('More metrics (HPA) or triggers (KEDA), as Kubernetes or KEDA has them.'),
    }),
  };
}

function networkValues(service: Service, { servicePort }: ServiceDefaults): Members {
  return {
    service: section('Service before the pods.', {
      type: leaf('Its type.', 'ClusterIP', {
        type: 'string',
        enum: ['ClusterIP', 'NodePort', 'LoadBalancer'],
      }),
      port: leaf('Its port.', servicePort, { type: 'integer', ...PORT }),
      annotations: textMap('Its annotations.'),
    }),
    networkPolicy: section('Who may reach the pods, and whom they may reach.', {
      enabled: flag('Whether it is made.', true),
      from: objects(ingressText(service)),
      metricsFrom: objects('Peers that may ask for metrics. Empty: every pod of the cluster.'),
      redisPorts: leaf('Ports of Redis and its sentinels.', [6379, 26_379], {
        type: 'array',
        items: { type: 'integer', ...PORT },
      }),
      databasePorts: leaf('Ports of Postgres or PgBouncer.', [5432, 6432], {
        type: 'array',
        items: { type: 'integer', ...PORT },
      }),
      httpPorts: leaf('Ports of key sets (JWKS), webhooks and collectors of traces.', [80, 443, 4318], {
        type: 'array',
        items: { type: 'integer', ...PORT },
      }),
      to: objects('Peers behind these ports. Empty: any.'),
      extraEgress: objects('More rules for what pods may reach.'),
    }),
    serviceMonitor: section('ServiceMonitor of the Prometheus operator.', {
      enabled: flag('Whether it is made.', false),
      interval: text('How often metrics are read.', '15s', '^[0-9]+(ms|s|m|h)$'),
      labels: textMap('Labels by which a Prometheus chooses it.'),
    }),
  };
}

function ingressText(service: Service): string {
  if (service === 'gateway') return 'Peers that may connect. Empty: everybody.';
  if (service === 'admin')
    return 'Peers that may use the admin API and the console. Empty: pods of the namespace.';
  return 'Not used: nobody connects to this service but probes and Prometheus.';
}

function extraValues(): Members {
  return {
    podLabels: textMap('More labels of the pods.'),
    podAnnotations: textMap('Annotations of the pods.'),
    commonLabels: textMap('More labels of every resource.'),
    commonAnnotations: textMap('Annotations of every resource.'),
    extraEnv: objects(
      'More environment variables. A variable of Carillon is refused here: `settings` has it, and it would be given twice.',
    ),
    extraEnvFrom: objects('Sources of more environment variables.'),
    extraVolumes: objects('More volumes.'),
    extraVolumeMounts: objects('More mounts of the container.'),
    initContainers: objects('Init containers.'),
    extraContainers: objects('More containers of the pods.'),
    extraManifests: objects('More resources, rendered as they are.'),
    patches: leaf(
      'Patches of any resource of this chart, by its kind (and name). Members are merged, lists are replaced.',
      [],
      {
        type: 'array',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['kind', 'merge'],
          properties: {
            kind: { type: 'string', minLength: 1 },
            name: { type: 'string' },
            merge: { type: 'object' },
          },
        },
      },
    ),
  };
}
