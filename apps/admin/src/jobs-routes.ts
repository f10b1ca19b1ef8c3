import { JobsUnavailableError, type Queues } from '@carillon/jobs';
import { CarillonError, traceparentOf } from '@carillon/protocol';
import type { Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import { refuseMembers } from './refuse-members.ts';

/** `POST /v1/retention/run` and `GET /v1/jobs/{id}`. `queues` is absent in an installation without jobs. */
export function registerJobs(
  server: FastifyInstance,
  queues: Queues | undefined,
  telemetry: Telemetry,
): void {
  server.post('/v1/retention/run', async (request, reply) => {
    refuseMembers(request.body);
    const header = request.headers.traceparent;
    const span = telemetry.spans.startSpan('admin.retention_run', {
      kind: 'server',
      parent: typeof header === 'string' ? traceparentOf(header) : undefined,
    });
    try {
      const id = await unavailable(() =>
        opened(queues).enqueue(
          'retention',
          { cause: 'request' },
          { trace: span.traceparent, deduplicationId: 'retention-on-request' },
        ),
      );
      span.set({ 'carillon.job_id': id });
      return await reply
        .code(202)
        .header('location', `/v1/jobs/${encodeURIComponent(id)}`)
        .send({ jobId: id });
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  });
  server.get('/v1/jobs/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    const job = await unavailable(() => opened(queues).find('retention', id));
    if (job === undefined) throw new CarillonError('NOT_FOUND', 'There is no job of this id, or no longer.');
    reply.header('cache-control', 'no-store');
    return job;
  });
}

function opened(queues: Queues | undefined): Queues {
  if (queues !== undefined) return queues;
  throw new CarillonError('UNAVAILABLE', 'This process has no jobs.');
}

async function unavailable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof JobsUnavailableError)
      throw new CarillonError('UNAVAILABLE', 'The jobs can not be reached now.', { cause });
    throw cause;
  }
}
