import { stringify } from 'yaml';
import type { Alert } from './alert.ts';
import { MESSAGE_ALERTS } from './alerts-of-messages.ts';
import { SERVICE_ALERTS } from './alerts-of-services.ts';

export const ALERTS: readonly Alert[] = [...SERVICE_ALERTS, ...MESSAGE_ALERTS];

export const RUNBOOKS = 'docs/operations/alerts.md';
const HEAD = '# Made from checks/src/observability by `npm run test:charts -- --write`; do not edit.\n';
const YAML = { lineWidth: 0 } as const;

const anchor = (name: string) => name.toLowerCase();

/** Rules for Prometheus. */
export function rulesYaml(): string {
  const rules = ALERTS.map((alert) => ({
    alert: alert.name,
    expr: alert.query.text(),
    for: alert.lasting,
    labels: { severity: alert.severity },
    annotations: {
      summary: alert.summary,
      description: alert.means,
      runbook: `${RUNBOOKS}#${anchor(alert.name)}`,
    },
  }));
  return HEAD + stringify({ groups: [{ name: 'carillon', rules }] }, YAML);
}

/** Tests for `promtool test rules`: each alert once with series that fire it, and once with others. */
export function rulesTestYaml(): string {
  const tests = ALERTS.flatMap((alert) => [testOf(alert, 'fires'), testOf(alert, 'quiet')]);
  return HEAD + stringify({ rule_files: ['carillon-rules.yaml'], evaluation_interval: '15s', tests }, YAML);
}

function testOf(alert: Alert, which: 'fires' | 'quiet') {
  const series = Object.entries(alert.test[which]).map(([name, values]) => ({ series: name, values }));
  const labels = { severity: alert.severity, ...alert.test.labels };
  return {
    name: `${alert.name} ${which}`,
    interval: '1m',
    input_series: series,
    promql_expr_test:
      which === 'fires'
        ? [
            {
              expr: `count(ALERTS{alertname="${alert.name}",alertstate="firing",${matchers(labels)}})`,
              eval_time: alert.test.at,
              exp_samples: [{ labels: '{}', value: 1 }],
            },
          ]
        : [
            {
              expr: `count(ALERTS{alertname="${alert.name}",alertstate="firing"})`,
              eval_time: alert.test.at,
              exp_samples: [],
            },
          ],
  };
}

const matchers = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');

/** One section for each alert, to which its annotation leads. */
export function runbooksPage(): string {
  const sections = ALERTS.map(
    (alert) => `## ${alert.name}

${alert.severity === 'page' ? 'Somebody has to look now.' : 'Within days.'} ${lasting(alert)}

\`\`\`promql
${alert.query.text()}
\`\`\`

- **Means**: ${alert.means}
- **Causes**: ${alert.causes}
- **Do**: ${alert.act}
`,
  );
  return `# Alerts

<!-- Generated from checks/src/observability by \`npm run test:charts -- --write\`. -->

What to do about each alert of \`infra/prometheus/carillon-rules.yaml\`. [Monitoring](monitoring.md) says how they come into a Prometheus.

${sections.join('\n')}`;
}

const lasting = ({ lasting }: Alert) =>
  lasting === '0s' ? 'Fires at once.' : `Fires when it has been so for ${lasting}.`;
