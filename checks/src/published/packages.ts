/** Packages that other products import, by folder name, with those they depend on. */
export const PUBLISHED = [
  'auth',
  'broker',
  'client',
  'config',
  'db',
  'jobs',
  'protocol',
  'redis',
  'server',
  'service',
  'telemetry',
] as const;

export type PublishedName = (typeof PUBLISHED)[number];

export const packageName = (name: PublishedName) => `@carillon/${name}`;
