import { CATALOGUE, formatDurationMs, type Group, NAMESPACE_DEFAULTS, type Setting } from '../src/index.ts';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function defaultOf(setting: Setting<unknown>): string {
  if (setting.required) return '**required**';
  if (setting.defaultText === undefined || setting.defaultText === '') return '(not set)';
  return code(setting.defaultText);
}

function notes(setting: Setting<unknown>): string {
  const marks: string[] = [];
  if (setting.secrecy === 'secret') marks.push('Secret: logged as a fingerprint.');
  if (setting.secrecy === 'url') marks.push('A password in it is not logged.');
  if (setting.fromFile) marks.push('`@/path` reads it from a file.');
  return marks.length === 0 ? '' : ` ${marks.join(' ')}`;
}

function row(setting: Setting<unknown>): string {
  const description = `${cell(setting.description)}${notes(setting)}`;
  const example = code(setting.example);
  return `| \`${setting.variable}\` | ${cell(setting.allowed)} | ${defaultOf(setting)} | ${description} | ${example} |`;
}

function section(group: Group<unknown>): string {
  const lines = [`## ${group.title}`, ''];
  if (group.intro !== '') lines.push(group.intro, '');
  lines.push('| variable | allowed | default | meaning | example |', '|---|---|---|---|---|');
  lines.push(...Object.values(group.settings).map(row));
  if (group.title === 'Namespaces') lines.push('', namespaceMembers());
  return lines.join('\n');
}

function namespaceMembers(): string {
  const defaults = NAMESPACE_DEFAULTS;
  return `A policy is a JSON object; all its members may be left out. Durations are milliseconds or text like \`"24h"\`.

| member | default | meaning |
|---|---|---|
| \`ephemeral\` | \`false\` | \`true\`: nothing is kept or stored, lowest latency. Excludes all other members. |
| \`durable\` | \`true\` | Messages are stored in Postgres. |
| \`history\` | see next lines | Hot history; \`"none"\` for none. |
| \`history.maxMessages\` | \`${defaults.historyMaxMessages}\` | Most messages per channel. |
| \`history.ttlMs\` | \`"${formatDurationMs(defaults.historyTtlMs)}"\` | How long each is kept; at most an eighth longer. |
| \`recoveryWindowMs\` | \`"${formatDurationMs(defaults.recoveryWindowMs)}"\` | A client that was away longer is not given what it missed. Not longer than what is kept. |
| \`recoveryMaxMessages\` | \`${defaults.recoveryMaxMessages}\` | A client that missed more is not given them. Not more than what is kept. |
| \`retentionMs\` | \`"${formatDurationMs(defaults.retentionMs)}"\` | How long messages stay in Postgres. Hot history keeps none longer. Only for durable namespaces. |
| \`retentionMaxMessages\` | (no bound) | How many of a channel's newest messages stay in Postgres, 1..1000000; hot history keeps no more. Only for durable namespaces. |
| \`ackTimeoutMs\` | off | Consumers acknowledge messages; what stays open for this long is sent again. Needs history or storage. |

\`\`\`json
{
  "default": { "retentionMs": "30d" },
  "chat": { "history": { "maxMessages": 5000, "ttlMs": "7d" }, "recoveryWindowMs": "1h" },
  "quotes": { "durable": false, "history": { "maxMessages": 100, "ttlMs": "5m" } },
  "cursor": { "ephemeral": true }
}
\`\`\``;
}

const INTRO = `# Configuration

<!-- Generated from the declarations in packages/config/src/groups by \`pnpm --filter @carillon/config reference\`. -->

Carillon is configured by environment variables. Every service checks all of its variables before it opens a socket: when some
are missing, wrong or contradict each other, it names every one of them, what was given and what is allowed, and exits.

- An empty variable counts as not given. White space around a value is ignored.
- Durations are milliseconds, or a number with \`ms\`, \`s\`, \`m\`, \`h\`, \`d\` (\`90s\`). Sizes are bytes, or a number with \`KiB\`,
  \`MiB\`, \`GiB\`.
- Where the table says so, \`@/path/to/file\` (or \`@./file\`, relative to the working directory) reads the value from a file, as
  Docker and Kubernetes mount secrets.
- A \`CARILLON_*\` variable that no service knows is reported as a warning with the name that was probably meant. It is not an
  error, since old and new versions share one environment during a rolling update.
- Kubernetes puts variables like \`CARILLON_GATEWAY_PORT=tcp://10.0.0.1:8080\` into pods beside a Service of that name. They
  are recognised and ignored.
- Secrets are never logged. Their fingerprints are, so that two services can be compared.
`;

/** The reference page of all variables. */
export function renderReference(): string {
  return `${[INTRO, ...CATALOGUE.map((group) => `${section(group)}\n`)].join('\n')}`;
}
