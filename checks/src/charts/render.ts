import { stringify } from 'yaml';
import { type Chart, PORTS } from './charts.ts';
import { serviceFile } from './settings.ts';
import { isSection, type Json, type JsonObject, type Members, type Node } from './value.ts';

const LINE_WIDTH = 118;

/** Text of each generated file of a chart, by its path in the chart. */
export function chartFiles(chart: Chart): Readonly<Record<string, string>> {
  const { service } = chart;
  const files = {
    'values.yaml': valuesYaml(chart),
    'values.schema.json': json(schemaOf(chart)),
  };
  if (service === undefined) return files;
  const { port, metricsPort } = PORTS[service];
  return { ...files, 'files/service.json': json(serviceFile(service, port, metricsPort)) };
}

const json = (value: Json) => `${JSON.stringify(value, undefined, 2)}\n`;

function valuesYaml({ name, values }: Chart): string {
  const head = `# Values of ${name}. Made from checks/src/charts by \`npm run test:charts -- --write\`; do not edit.\n`;
  return `${head}\n${membersYaml(values, '')}`;
}

function membersYaml(members: Members, indent: string): string {
  return Object.entries(members)
    .map(([name, node]) => `${comment(node.description, indent)}${memberYaml(name, node, indent)}`)
    .join(indent === '' ? '\n' : '');
}

function memberYaml(name: string, node: Node, indent: string): string {
  if (isSection(node)) {
    if (Object.values(node.members).every((member) => !isSection(member) && member.fallback === null))
      return unsetYaml(name, node.members, indent);
    return `${indent}${name}:\n${membersYaml(node.members, `${indent}  `)}`;
  }
  return leafYaml(name, node.fallback, indent);
}

/** A value that is not given has no line of its own: null in the values of a chart removes what a parent gives. */
function unsetYaml(name: string, members: Members, indent: string): string {
  const lines = Object.keys(members).map((member) => `${indent}  # ${member}:\n`);
  return `${indent}${name}: {}\n${lines.join('')}`;
}

function leafYaml(name: string, fallback: Json, indent: string): string {
  if (fallback === null) return `${indent}# ${name}:\n`;
  return stringify({ [name]: fallback }, { lineWidth: 0, defaultStringType: 'PLAIN' }).replaceAll(
    /^(?=.)/gm,
    indent,
  );
}

function comment(text: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + line.length + word.length + 3 > LINE_WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${indent}# ${each}\n`).join('');
}

function schemaOf({ name, values }: Chart): JsonObject {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: name,
    ...withLibrary(objectSchema(values)),
  };
}

/** Helm hands a library chart its values under its name, also when it has none but `global`. */
function withLibrary(schema: JsonObject): JsonObject {
  const properties = {
    ...(schema.properties as JsonObject),
    'carillon-library': { description: 'Not used.', type: 'object' },
  };
  return { ...schema, properties };
}

function objectSchema(members: Members): JsonObject {
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(members).map(([name, node]) => [name, nodeSchema(node)])),
  };
}

function nodeSchema(node: Node): JsonObject {
  const { description } = node;
  if (isSection(node)) return { description, ...objectSchema(node.members) };
  return { description, ...node.schema };
}
