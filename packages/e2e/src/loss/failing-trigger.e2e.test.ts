/** D7, case h: a trigger of the operator fails for a while, as if each message were at fault. */
import { eventually, startRedis } from '@carillon/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Service } from '../services.ts';
import { Scenes } from './scene.ts';

const CHANNELS = ['trigger:a'];
/** SQLSTATEs of Postgres for data that it refuses: class 22 and 23. */
const STATES = ['22012', '23514'];

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

async function readinessOf({ port }: Service): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/ready`)).text();
}

for (const state of STATES)
  it(`[D7] accepted messages wait for it to be mended, and are stored (${state})`, {
    timeout: 120_000,
  }, async () => {
    const redis = await startRedis();
    scenes.closing(() => redis.stop());
    const scene = await scenes.open(redis, { gateways: 1, routers: 0 });
    const { stage, gateways, databaseUrl, services } = scene;
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    scenes.closing(() => client.end());
    (await stage.publisher('p', { gateway: gateways[0], channels: CHANNELS }, { wantsStored: true })).start(
      10,
    );
    await stage.traffic(30);
    await client.query(
      `create function audit() returns trigger language plpgsql as $$ begin raise exception 'audit' using errcode = '${state}'; end $$;
       create trigger audit before insert on messages for each row execute function audit()`,
    );
    const letters = async (): Promise<number> =>
      Number((await client.query<{ n: string }>('select count(*) as n from dead_letters')).rows[0]?.n);
    await eventually(
      async () =>
        (await letters()) > 20 ||
        (await readinessOf(services.persistence[0]!)).includes('Postgres refuses messages'),
      { what: 'the trigger is met' },
    );
    await stage.traffic(90);
    await client.query('drop trigger audit on messages');
    await stage.traffic(30);
    const { accepted, stored } = await scene.expectSound();
    expect(stored).toBe(accepted);
    expect((await client.query('select seq, reason from dead_letters')).rows).toEqual([]);
  });
