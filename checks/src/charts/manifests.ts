import { parseAllDocuments } from 'yaml';

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly EnvironmentVariable[];
}

interface PodSpec {
  readonly containers?: readonly Container[];
}

/** The members of a resource that tests read. */
export interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: PodSpec & { readonly template?: { readonly spec: PodSpec } };
}

function resourcesOf(manifests: string): readonly Resource[] {
  return parseAllDocuments(manifests)
    .map((document) => document.toJS() as Resource | null)
    .filter((resource) => resource !== null);
}

/** Containers of the services of Carillon, and of the migration, with their environment. */
export function serviceContainers(manifests: string): readonly Container[] {
  return resourcesOf(manifests)
    .flatMap(({ spec }) => [...(spec?.containers ?? []), ...(spec?.template?.spec.containers ?? [])])
    .filter(({ image, name }) => image.includes('carillon/') && name !== 'test');
}
