import { allSettings, type ChartSetting, mayBePlain, mayBeSecret, settingLeaf } from './settings.ts';
import { flag, type Leaf, leaf, type Members, type Section, section, text, texts } from './value.ts';

const secretKey = (name: string): Leaf =>
  leaf(`Secret and key with \`${name}\`, mounted as a file.`, null, {
    type: ['object', 'null'],
    additionalProperties: false,
    required: ['name', 'key'],
    properties: { name: { type: 'string', minLength: 1 }, key: { type: 'string', minLength: 1 } },
  });

export function settingsSection(description: string, settings: readonly ChartSetting[]): Section {
  const plain = settings.filter(mayBePlain).map((entry) => [entry.name, settingLeaf(entry)]);
  return section(description, Object.fromEntries(plain));
}

export function secretsSection(description: string, settings: readonly ChartSetting[]): Section {
  const secret = settings.filter(mayBeSecret).map(({ name }) => [name, secretKey(name)]);
  return section(description, Object.fromEntries(secret));
}

/** Values shared by all services of an installation. Helm passes the umbrella chart's `global` to each chart. */
export function globalValues(): Members {
  return {
    existingSecret: text(
      'Secret with what the services need, under the keys `redis-url`, `database-url`, `jwt-secret` and `admin-token`. A key that `secrets` or `settings` gives otherwise is not taken from it.',
    ),
    image: section('Images of all services.', {
      registry: text('Registry before each `image.repository`, with a port if it has one.'),
      tag: text("Tag of all images. Without it: the chart's appVersion.", '', '^[A-Za-z0-9_.-]{0,128}$'),
      pullPolicy: leaf('When images are pulled.', 'IfNotPresent', {
        type: 'string',
        enum: ['Always', 'IfNotPresent', 'Never'],
      }),
      pullSecrets: texts('Names of Secrets with the credentials of the registry.'),
    }),
    settings: settingsSection(
      'Settings of any service. Each chart takes those that its service knows; its own `settings` stand above them.',
      allSettings(),
    ),
    secrets: secretsSection(
      'Settings that are read from a Secret. The chart mounts the key as a file and gives its path (`@/path`).',
      allSettings(),
    ),
    redisTls: section('TLS to Redis, for URLs that begin with `rediss`.', {
      existingSecret: text('Secret with the files below; mounted at /etc/carillon/redis-tls.'),
      caKey: text('Key of the authorities that are trusted; empty: those of the image.', 'ca.crt'),
      certKey: text('Key of the certificate that the services present; empty: none.'),
      keyKey: text('Key of the private key of that certificate.'),
    }),
    databaseTls: section(
      'Files for TLS to Postgres. The URL names them: `?sslmode=verify-full&sslrootcert=/etc/carillon/database-tls/ca.crt`.',
      { existingSecret: text('Secret whose keys are mounted as files at /etc/carillon/database-tls.') },
    ),
    podLabels: leaf('Labels of every pod.', {}, { type: 'object', additionalProperties: { type: 'string' } }),
    trial: section('A small Redis and Postgres for trying out, one pod each. Not for production.', {
      enabled: flag(
        'Brings them up and makes a Secret with their addresses, a secret for tokens and a token for admin. Only in the umbrella chart.',
        false,
      ),
    }),
  };
}
