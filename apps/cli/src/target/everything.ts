import type { CapabilitiesClaim } from '@carillon/protocol';

/** Capabilities of development tokens: all channels and methods. Names of the system (`#...`) have to be asked for by name. */
export const EVERYTHING: CapabilitiesClaim = {
  '*': ['subscribe', 'publish', 'presence', 'history', 'request', 'answer'],
};
