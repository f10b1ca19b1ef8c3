import {
  CAPABILITY_ACTIONS,
  type CapabilitiesClaim,
  MAX_CAPABILITY_PATTERNS,
  MAX_CAPABILITY_WILDCARDS,
  MAX_CHANNEL_NAME_LENGTH,
} from '@carillon/protocol';
import { z } from 'zod';
import { json } from './kinds.ts';
import type { Kind } from './setting.ts';

const pattern = z
  .string()
  .min(1)
  .max(MAX_CHANNEL_NAME_LENGTH)
  .refine((given) => given.split('*').length - 1 <= MAX_CAPABILITY_WILDCARDS, {
    message: `a pattern has at most ${MAX_CAPABILITY_WILDCARDS} *`,
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
