import type { MetricDeclaration, MetricType } from './registry.ts';

export const define = <Type extends MetricType>(
  type: Type,
  name: string,
  help: string,
  labels: readonly string[] = [],
  buckets?: readonly number[],
): MetricDeclaration<Type> => ({
  type,
  name: `carillon_${name}`,
  help,
  labels,
  ...(buckets === undefined ? {} : { buckets }),
});
