import {
  type Dashboard,
  DashboardCursorSync,
  DashboardLinkType,
  type Panel as GrafanaPanel,
  VariableRefresh,
  VariableType,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { GATEWAYS } from './dashboards/gateways.ts';
import { MESSAGES } from './dashboards/messages.ts';
import { OVERVIEW } from './dashboards/overview.ts';
import { SECURITY } from './dashboards/security.ts';
import { STORES } from './dashboards/stores.ts';
import type { DashboardSpec, Panel } from './panel.ts';

export const DASHBOARDS: readonly DashboardSpec[] = [OVERVIEW, MESSAGES, GATEWAYS, STORES, SECURITY];

/** Label matcher that a dashboard's variable adds to every metric. */
export const INSTANCE_MATCHER = 'instance=~"$instance"';
const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };
const NUMBERS = { width: 6, height: 4 };
const CURVES = { width: 8, height: 7 };
const GRID_WIDTH = 24;

/** File name and text of each dashboard. */
export function dashboardFiles(): readonly (readonly [file: string, text: string])[] {
  return DASHBOARDS.map((spec) => [
    `${spec.uid}.json`,
    `${JSON.stringify(dashboardOf(spec), undefined, 2)}\n`,
  ]);
}

function dashboardOf({ uid, title, description, panels }: DashboardSpec): Dashboard {
  const numbers = panels.filter(({ isNumber }) => isNumber === true);
  const curves = panels.filter(({ isNumber }) => isNumber !== true);
  const below = numbers.length === 0 ? 0 : NUMBERS.height;
  return {
    uid,
    title,
    description,
    tags: ['carillon'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: DashboardCursorSync.Crosshair,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    annotations: {},
    links: [linkToOthers()],
    templating: { list: variables() },
    panels: [
      ...numbers.map((panel, i) => panelOf(panel, i + 1, place(i, NUMBERS, 0))),
      ...curves.map((panel, i) => panelOf(panel, numbers.length + i + 1, place(i, CURVES, below))),
    ],
  };
}

function place(index: number, { width, height }: typeof NUMBERS, below: number) {
  const columns = GRID_WIDTH / width;
  return {
    x: (index % columns) * width,
    y: below + Math.floor(index / columns) * height,
    w: width,
    h: height,
  };
}

function panelOf(panel: Panel, id: number, gridPos: GrafanaPanel['gridPos']): GrafanaPanel {
  return {
    id,
    type: panel.isNumber === true ? 'stat' : 'timeseries',
    title: panel.title,
    description: panel.description,
    datasource: DATA_SOURCE,
    ...(gridPos === undefined ? {} : { gridPos }),
    fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
    targets: panel.lines.map(({ query, legend }, i) =>
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + i))
        .expr(query.text(INSTANCE_MATCHER))
        .legendFormat(legend)
        .build(),
    ),
  };
}

function linkToOthers() {
  return {
    title: 'Carillon',
    type: DashboardLinkType.Dashboards,
    icon: 'dashboard',
    tooltip: 'The other dashboards of Carillon',
    tags: ['carillon'],
    asDropdown: true,
    targetBlank: false,
    includeVars: true,
    keepTime: true,
  };
}

function variables() {
  return [
    { type: VariableType.Datasource, name: 'datasource', label: 'Prometheus', query: 'prometheus' },
    {
      type: VariableType.Query,
      name: 'instance',
      label: 'Process',
      datasource: DATA_SOURCE,
      query: 'label_values(carillon_build_info, instance)',
      refresh: VariableRefresh.OnTimeRangeChanged,
      includeAll: true,
      multi: true,
      allValue: '.*',
    },
  ];
}
