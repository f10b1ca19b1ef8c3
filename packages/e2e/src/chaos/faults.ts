import { CLUSTER_FAULTS, CLUSTER_LOSS_FAULTS } from './cluster-faults.ts';
import type { Faults } from './fault.ts';
import { LOSS_FAULTS } from './loss-faults.ts';
import { SERVER_FAULTS } from './server-faults.ts';
import { LINK_FAULTS, SERVICE_FAULTS } from './service-faults.ts';
import { PROCESS_FAULTS } from './single-process.ts';

/** By the names that plans use. */
export const FAULTS: Faults = {
  ...SERVICE_FAULTS,
  ...LINK_FAULTS,
  ...SERVER_FAULTS,
  ...CLUSTER_FAULTS,
  ...LOSS_FAULTS,
  ...CLUSTER_LOSS_FAULTS,
  ...PROCESS_FAULTS,
};
