import {
  CAPABILITY_ACTIONS,
  type CapabilitiesClaim,
  capabilityPatternFault,
  MAX_CAPABILITY_PATTERNS,
} from '@carillon/protocol';
import { z } from 'zod';
import { json } from './kinds.ts';
import type { Kind } from './setting.ts';

const pattern = z.string().superRefine((given, context) => {
  const fault = capabilityPatternFault(given);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `the pattern ${fault}` });
});

const claim = z
  .record(pattern, z.array(z.enum(CAPABILITY_ACTIONS)).min(1).readonly())
  .refine((given) => Object.keys(given).length <= MAX_CAPABILITY_PATTERNS, {
    message: `at most ${MAX_CAPABILITY_PATTERNS} patterns`,
  });

/** Capabilities in a setting: the same JSON as the `capabilities` claim of a token. */
export const capabilitiesKind: Kind<CapabilitiesClaim> = json(
  claim,
  `JSON object of channel patterns to lists of ${CAPABILITY_ACTIONS.join(', ')}`,
);
