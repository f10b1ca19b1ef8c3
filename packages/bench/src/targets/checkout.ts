import type { Target } from './target.ts';

/** Carillon as it lies on the disk, with nothing running: for scenarios that start it themselves. */
export async function notStarted(): Promise<Target> {
  return {
    name: 'carillon',
    dialect: 'carillon',
    token: '',
    tokens: async () => [],
    ports: [],
    nodes: [],
    usage: async () => [],
    stop: async () => undefined,
  };
}
