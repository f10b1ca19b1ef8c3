import type { Chart } from './charts.ts';
import { isSection, type Leaf, type Members } from './value.ts';

const HEAD = `# Values of the Helm charts

<!-- Generated from checks/src/charts by \`npm run test:charts -- --write\`. -->

The charts are described in [Kubernetes](../operations/kubernetes.md). In the umbrella chart \`carillon\` the values of a service stand below its name: \`gateway.replicas\`.
\`settings\` and \`secrets\` are the environment variables of the [configuration](configuration.md), named after them: \`CARILLON_MAX_CONNECTIONS\` is
\`settings.maxConnections\`. They are not repeated here; the values.yaml of each chart lists them. What all services share (\`global\`) stands in the section of the umbrella.
`;

/** Sections whose members are settings, which docs/reference/configuration.md has. */
const SETTINGS = new Set(['settings', 'secrets']);

/** The reference page of the values of all charts. */
export function valuesReference(charts: readonly Chart[]): string {
  const sections = charts.map(({ name, values, service }) => {
    const own = service === undefined ? values : withoutGlobal(values);
    const rows = rowsOf(own, '').map(
      ([path, leaf]) => `| \`${path}\` | ${fallbackText(leaf)} | ${cell(leaf.description)} |`,
    );
    return `\n## ${name}\n\n| value | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return HEAD + sections.toReversed().join('');
}

function withoutGlobal({ global: _, ...values }: Members): Members {
  return values;
}

function rowsOf(members: Members, before: string): [string, Leaf][] {
  return Object.entries(members).flatMap(([name, node]): [string, Leaf][] => {
    const path = `${before}${name}`;
    if (!isSection(node)) return [[path, node]];
    if (SETTINGS.has(name)) return [[path, { description: node.description, fallback: {}, schema: {} }]];
    return rowsOf(node.members, `${path}.`);
  });
}

function fallbackText({ fallback }: Leaf): string {
  if (fallback === null || fallback === '') return '(not set)';
  return `\`${cell(typeof fallback === 'string' ? fallback : JSON.stringify(fallback))}\``;
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
