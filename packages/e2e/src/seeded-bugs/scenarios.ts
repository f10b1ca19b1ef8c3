import { DELIVERY_SCENARIOS } from './delivery-scenarios.ts';
import { LOSS_SCENARIOS } from './loss-scenarios.ts';
import { PUBLISH_SCENARIOS } from './publish-scenarios.ts';
import type { Scenario } from './scenario.ts';
import { SINGLE_SCENARIOS } from './single-scenarios.ts';
import { STORAGE_SCENARIOS } from './storage-scenarios.ts';
import { WORK_SCENARIOS } from './work-scenarios.ts';

export const SCENARIOS = {
  ...PUBLISH_SCENARIOS,
  ...DELIVERY_SCENARIOS,
  ...STORAGE_SCENARIOS,
  ...WORK_SCENARIOS,
  ...LOSS_SCENARIOS,
  ...SINGLE_SCENARIOS,
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;
