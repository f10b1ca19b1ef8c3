import type { ControlNode, NodeRecord } from '@carillon/broker';
import { CarillonError } from '@carillon/protocol';
import type { Logger } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parsed } from './parsed.ts';
import { refuseMembers } from './refuse-members.ts';

const MAX_LIMIT = 200;
/** A gateway answers within milliseconds; one that is away has this long. */
const COMMAND_DEADLINE_MS = 3000;

const idSchema = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/);
const pageMembers = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(100),
  after: idSchema.optional(),
};
const gatewaysSchema = z.strictObject(pageMembers);
const nodesSchema = z.strictObject({
  ...pageMembers,
  service: z.enum(['gateway', 'router', 'persistence', 'admin']).optional(),
});
const drainSchema = z.strictObject({ ratePerSecond: z.number().min(0.1).max(100_000) });
const newConnectionsSchema = z.strictObject({ allowed: z.boolean() });

/**
 * `/v1/nodes`: every process of the installation; `/v1/gateways`: what operators may do to gateways. Commands set a state: they do no harm
 * when they are repeated. `control` is absent where admin has no broker.
 */
export function registerNodes(
  server: FastifyInstance,
  control: ControlNode | undefined,
  logger: Logger,
): void {
  const listing = (schema: z.ZodObject) => ({ config: { query: Object.keys(schema.shape) } });
  server.get('/v1/nodes', listing(nodesSchema), async (request, reply) => {
    const query = parsed(nodesSchema, request.query, 'QUERY_INVALID');
    const { nodes, next } = await opened(control).nodes(query);
    reply.header('cache-control', 'no-store');
    return { nodes: nodes.map(toldNode), ...(next !== undefined && { next }) };
  });
  server.get('/v1/gateways', listing(gatewaysSchema), async (request, reply) => {
    const query = parsed(gatewaysSchema, request.query, 'QUERY_INVALID');
    const { nodes, next } = await opened(control).nodes({ ...query, service: 'gateway' });
    reply.header('cache-control', 'no-store');
    return { gateways: nodes.map(toldGateway), ...(next !== undefined && { next }) };
  });
  const command = async (params: unknown, name: string, input: object): Promise<object> => {
    const { id } = params as { id: string };
    const answer = await commandGateway(opened(control), id, name, input);
    logger.info({ gateway: id, command: name, ...input }, 'a gateway was given a command');
    return { id, ...answer };
  };
  server.post('/v1/gateways/:id/drain', async ({ params, body }) =>
    command(params, 'drain.begin', parsed(drainSchema, body ?? {}, 'BODY_INVALID')),
  );
  server.delete('/v1/gateways/:id/drain', async ({ params, body }) => {
    refuseMembers(body);
    return command(params, 'drain.stop', {});
  });
  server.post('/v1/gateways/:id/new-connections', async ({ params, body }) =>
    command(params, 'new-connections', parsed(newConnectionsSchema, body ?? {}, 'BODY_INVALID')),
  );
}

async function commandGateway(
  control: ControlNode,
  id: string,
  name: string,
  input: object,
): Promise<object> {
  if (idSchema.safeParse(id).success && (await isListed(control, id)))
    return (await control.ask(id, name, { input, deadlineMs: COMMAND_DEADLINE_MS })) as object;
  throw new CarillonError('NOT_FOUND', 'There is no gateway of this id; `GET /v1/gateways` lists them.');
}

async function isListed(control: ControlNode, id: string): Promise<boolean> {
  let after: string | undefined;
  do {
    const { nodes, next } = await control.nodes({ service: 'gateway', limit: MAX_LIMIT, after });
    if (nodes.some(({ node }) => node === id)) return true;
    after = next;
  } while (after !== undefined);
  return false;
}

function toldNode({ node, service, away, lastSeenMs, status }: NodeRecord): object {
  return { ...status, id: node, service, away, lastSeenAt: lastSeenMs };
}

const GATEWAY_MEMBERS = [
  ...['version', 'publicName', 'startedAt', 'ready', 'connections', 'maxConnections'],
  ...['newConnections', 'newConnectionsAllowed', 'drain'],
] as const;

function toldGateway({ node, away, lastSeenMs, status }: NodeRecord): object {
  const members = GATEWAY_MEMBERS.filter((name) => status[name] !== undefined);
  return {
    id: node,
    away,
    lastSeenAt: lastSeenMs,
    ...Object.fromEntries(members.map((name) => [name, status[name]])),
  };
}

function opened(control: ControlNode | undefined): ControlNode {
  if (control !== undefined) return control;
  throw new CarillonError('UNAVAILABLE', 'This process has no broker.');
}
