/** Writes docs/reference/metrics.md from the catalogue. */
import { writeFileSync } from 'node:fs';
import { metricsMarkdown } from '../src/metrics/catalogue.ts';

const text = `# Metrics

Every service serves its metrics at \`GET /metrics\` in the Prometheus text format, and as JSON with \`Accept: application/json\` or at
\`GET /metrics.json\`. This page is generated from \`packages/telemetry/src/metrics/catalogue.ts\`.

${metricsMarkdown()}

## As JSON

\`\`\`sh
curl -s http://127.0.0.1:8080/metrics.json | jq '.carillon_connections.samples[0].value'
\`\`\`

An object by metric name: \`type\`, \`help\`, and \`samples\`, each with its \`labels\` and \`value\`, or for histograms \`count\`, \`sum\` and
\`buckets\` (cumulative, by upper bound).
`;
writeFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), text);
