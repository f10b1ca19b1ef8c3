import { RUNBOOKS, rulesTestYaml, rulesYaml, runbooksPage } from './render-alerts.ts';
import { dashboardFiles } from './render-dashboards.ts';

export const PROMETHEUS = 'infra/prometheus';
const GRAFANA = 'infra/grafana';
/** A chart reads only files of its own. */
const IN_CHART = 'infra/helm/carillon/files';

/** Text of every file that is generated from the catalogues of metrics and alerts, by its path from the root. */
export function observabilityFiles(): readonly (readonly [path: string, text: string])[] {
  return [
    [`${PROMETHEUS}/carillon-rules.yaml`, rulesYaml()],
    [`${PROMETHEUS}/carillon-rules.test.yaml`, rulesTestYaml()],
    [`${IN_CHART}/carillon-rules.yaml`, rulesYaml()],
    [RUNBOOKS, runbooksPage()],
    ...dashboardFiles().flatMap(([file, text]): [string, string][] => [
      [`${GRAFANA}/${file}`, text],
      [`${IN_CHART}/dashboards/${file}`, text],
    ]),
  ];
}
