/**
 * Makes the JSON schemas that the charts are validated with, from the OpenAPI files of Kubernetes and the CRDs of others. They are test data:
 * made once, and again for other versions.
 *   node infra/helm/schemas/make-schemas.mjs
 * Needs Go and a module proxy. The versions below are those that the charts are checked for: the oldest and the newest.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
// The root itself does not depend on yaml.
const { parseAllDocuments } = createRequire(new URL('../../../checks/package.json', import.meta.url))('yaml');

const KUBERNETES_VERSIONS = ['v1.34.4', 'v1.37.2'];
const KINDS = {
  'v1/ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
  'v1/Service': 'io.k8s.api.core.v1.Service',
  'v1/ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1/Secret': 'io.k8s.api.core.v1.Secret',
  'v1/Pod': 'io.k8s.api.core.v1.Pod',
  'apps/v1/Deployment': 'io.k8s.api.apps.v1.Deployment',
  'apps/v1/StatefulSet': 'io.k8s.api.apps.v1.StatefulSet',
  'batch/v1/Job': 'io.k8s.api.batch.v1.Job',
  'policy/v1/PodDisruptionBudget': 'io.k8s.api.policy.v1.PodDisruptionBudget',
  'networking.k8s.io/v1/NetworkPolicy': 'io.k8s.api.networking.v1.NetworkPolicy',
  'networking.k8s.io/v1/Ingress': 'io.k8s.api.networking.v1.Ingress',
  'autoscaling/v2/HorizontalPodAutoscaler': 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
};
const CRDS = [
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    file: 'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    file: 'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  },
  {
    module: 'sigs.k8s.io/gateway-api@v1.4.1',
    file: 'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml',
  },
  { module: 'github.com/kedacore/keda/v2@v2.21.0', file: 'config/crd/bases/keda.sh_scaledobjects.yaml' },
];

/** Folder of a module in the module cache. */
function moduleFolder(module) {
  const answer = execFileSync('go', ['mod', 'download', '-json', module], { cwd: HERE, encoding: 'utf8' });
  return JSON.parse(answer).Dir;
}

/** `deployment-apps-v1.json`, as kubeconform names files. */
function fileName(groupVersion, kind) {
  const suffix = groupVersion.replace(/^([^/.]+)[^/]*\//, '$1-');
  return `${kind.toLowerCase()}-${suffix}.json`;
}

/** Refuses unknown members, and leaves out what only people read. */
function strict(schema, isRoot = false) {
  if (Array.isArray(schema)) return schema.map((each) => strict(each));
  if (schema === null || typeof schema !== 'object') return schema;
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string')
    return { type: ['string', 'integer'] };
  const result = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-kubernetes') || ['description', 'default', 'format', 'example'].includes(key))
      continue;
    result[key] = key === 'properties' ? strictMembers(value) : strict(value);
  }
  if (result.properties && result.additionalProperties === undefined) result.additionalProperties = false;
  if (isRoot && result.properties?.metadata?.type === 'object')
    result.properties.metadata = { type: 'object' };
  return result;
}

function strictMembers(properties) {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, strict(schema)]));
}

/** The definition and all that it refers to. */
function selfContained(all, name) {
  const definitions = {};
  const visit = (current) => {
    if (definitions[current] !== undefined) return;
    const schema = current.endsWith('api.resource.Quantity')
      ? { type: ['string', 'number'] }
      : strict(all[current]);
    definitions[current] = schema;
    for (const [, next] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)) visit(next);
  };
  visit(name);
  return { $ref: `#/definitions/${name}`, definitions };
}

function write(folder, name, schema) {
  mkdirSync(join(HERE, folder), { recursive: true });
  writeFileSync(join(HERE, folder, name), `${JSON.stringify(schema)}\n`);
}

for (const version of KUBERNETES_VERSIONS) {
  rmSync(join(HERE, version), { recursive: true, force: true });
  const path = join(moduleFolder(`k8s.io/kubernetes@${version}`), 'api/openapi-spec/swagger.json');
  const { definitions } = JSON.parse(readFileSync(path, 'utf8'));
  for (const [id, definition] of Object.entries(KINDS)) {
    const at = id.lastIndexOf('/');
    write(version, fileName(id.slice(0, at), id.slice(at + 1)), selfContained(definitions, definition));
  }
}

rmSync(join(HERE, 'crds'), { recursive: true, force: true });
for (const { module, file } of CRDS) {
  for (const document of parseAllDocuments(readFileSync(join(moduleFolder(module), file), 'utf8'))) {
    const crd = document.toJS();
    if (crd?.kind !== 'CustomResourceDefinition') continue;
    for (const { name, schema, served } of crd.spec.versions) {
      if (!served || !['v1', 'v1alpha1'].includes(name)) continue;
      const { group, names } = crd.spec;
      write('crds', fileName(`${group}/${name}`, names.kind), {
        'x-made-from': `${module} ${file}`,
        ...strict(schema.openAPIV3Schema, true),
      });
    }
  }
}
