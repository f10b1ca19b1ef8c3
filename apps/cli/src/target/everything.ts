import type { CapabilitiesClaim } from '@carillon/protocol';

/** Capabilities of development tokens. */
export const EVERYTHING: CapabilitiesClaim = { '*': ['subscribe', 'publish', 'presence', 'history'] };
