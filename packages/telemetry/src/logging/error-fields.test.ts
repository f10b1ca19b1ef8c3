import { expect, it } from 'vitest';
import { errorFields } from './error-fields.ts';
import { createLoggers } from './logger.ts';

it('a log has no arguments of a Redis command, however deep the error lies', () => {
  const lines: string[] = [];
  const { root } = createLoggers({
    service: 'test',
    instanceId: 'test',
    levels: { level: 'info', modules: {} },
    format: 'json',
    stream: { write: (line) => lines.push(line) },
  });
  const refused = Object.assign(new Error('WRONGPASS'), {
    code: 'X',
    command: { name: 'hello', args: ['3', 'AUTH', 'carillon', 'the password'] },
  });
  root.warn({ err: refused }, 'first');
  root.warn({ err: Object.assign(new Error('second'), { lastNodeError: refused }) }, 'second');
  root.warn({ err: new AggregateError([refused], 'third') }, 'third');
  root.warn({ err: new Error('fourth', { cause: refused }) }, 'fourth');
  root.warn({ err: 'no error at all' }, 'fifth');
  expect(lines.join('')).not.toContain('the password');
  expect(JSON.parse(lines[0]!)).toMatchObject({ err: { message: 'WRONGPASS', code: 'X', command: 'hello' } });
  expect(JSON.parse(lines[1]!)).toMatchObject({ err: { lastNodeError: { command: 'hello' } } });
  expect(JSON.parse(lines[2]!)).toMatchObject({ err: { aggregateErrors: [{ command: 'hello' }] } });
  expect(JSON.parse(lines[3]!).err.message).toBe('fourth: WRONGPASS');
  expect(JSON.parse(lines[4]!).err).toBe('no error at all');
});

it('the message says what each cause said, once', () => {
  const refused = new Error('connect ECONNREFUSED');
  const messageOf = (error: Error) => (errorFields(error) as { readonly message: string }).message;
  expect(messageOf(new Error('It is away.', { cause: refused }))).toBe('It is away: connect ECONNREFUSED');
  expect(messageOf(new Error('ping: connect ECONNREFUSED', { cause: refused }))).toBe(
    'ping: connect ECONNREFUSED',
  );
  expect(messageOf(new Error('outer', { cause: 'no error' }))).toBe('outer');
  const circle = new Error('circle');
  circle.cause = circle;
  expect(messageOf(circle)).toBe('circle');
});

it('an error is called by its own name, whatever a bundle calls its class', () => {
  class DatabaseError3 extends Error {
    override readonly name = 'DatabaseError';
  }
  expect(errorFields(new DatabaseError3('no connection'))).toMatchObject({ type: 'DatabaseError' });
  expect(errorFields(new TypeError('x'))).toMatchObject({ type: 'TypeError' });
});

it('the advice of a client library to its programmer is not passed on', () => {
  const flushed = Object.assign(
    new Error(
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option',
    ),
    { name: 'MaxRetriesPerRequestError' },
  );
  const { message } = errorFields(new Error('reading failed', { cause: flushed })) as { message: string };
  expect(message).toBe('reading failed: the connection to Redis ended before the answer came');
});
