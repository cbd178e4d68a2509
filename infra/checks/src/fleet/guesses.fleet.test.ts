import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson } from './people.ts';

let fleet: Fleet;
let database: pg.Client;
beforeAll(async () => {
  const env = { RATE_LIMIT_PUBLIC_AUTH: '100000', RATE_LIMIT_WEBHOOK: '3' };
  fleet = await startFleet({ transport: 'rabbitmq', env });
  database = new pg.Client({ connectionString: fleet.postgres.url });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await fleet?.stop();
});

interface Sent {
  readonly request: string;
  readonly token?: string | undefined;
  readonly body?: object;
}

async function send({ request, token, body }: Sent) {
  const [method = 'GET', path = ''] = request.split(' ');
  const response = await fetch(`${fleet.gateway}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { status, headers } = response;
  return { status, headers: Object.fromEntries(headers), text: await response.text() };
}

/** What an answer tells: without what is another for each request. */
function told({ status, headers, text }: Awaited<ReturnType<typeof send>>) {
  const { date: _date, 'x-request-id': _id, ratelimit: _limit, 'content-length': _length, ...rest } = headers;
  return JSON.stringify({ status, headers: rest, text: text.replace(/"(traceId|instance)":"[^"]*"/g, '') });
}

const logIn = (email: string, password: string) => send({ request: 'POST /v1/auth/login', body: { email, password } });
const guess = (email: string) => logIn(email, `a wrong guess ${randomUUID()}`);

/** How the guesses at the email that was guessed at last stand in the database. */
async function latestGuesses(): Promise<{ failures: number; day_guesses: number }> {
  const { rows } = await database.query(
    'select failures, day_guesses from identity.login_guesses order by last_guess_at desc limit 1',
  );
  return rows[0];
}

/** As if the locks had passed. */
const liftLocks = () => database.query('update identity.login_guesses set failures = 0, locked_until = null');

/** Empties the fleet's Redis database. */
async function flushRedis(): Promise<void> {
  const { hostname, port, pathname } = new URL(fleet.redis ?? '');
  const socket = connect(Number(port), hostname);
  socket.end(`SELECT ${pathname.slice(1)}\r\nFLUSHDB\r\nQUIT\r\n`);
  const answer = (await socket.toArray()).join('');
  expect(answer.match(/\+OK/g)).toHaveLength(3);
  if (!socket.closed) await once(socket, 'close');
}

/** The right password does not open it. */
async function isLocked(email: string, password: string): Promise<void> {
  await eventually(async () => {
    const { status, text } = await logIn(email, password);
    expect([status, JSON.parse(text).code]).toEqual([429, 'account_locked']);
  });
}

/** What a guess may be answered with; the last two on a machine that is too busy. */
const guessAnswers = [401, 429, 503, 504];

describe('guesses at a password', () => {
  it('of 200 parallel ones ten are looked at, counted exactly', async () => {
    const { email, password } = await newPerson(fleet, 'Ada');
    const answers = await Promise.all(Array.from({ length: 200 }, () => guess(email)));
    const looked = answers.filter(({ status }) => status === 401).length;
    expect(answers.filter(({ status }) => !guessAnswers.includes(status))).toEqual([]);
    expect(looked).toBeGreaterThan(0);
    expect(looked).toBeLessThanOrEqual(10);
    expect(await latestGuesses()).toEqual({ failures: 10, day_guesses: 10 });
    await flushRedis();
    await isLocked(email, password);
  });

  it('an account gets a hundred a day, however patient, parallel and often Redis is flushed', {
    timeout: 120_000,
  }, async () => {
    const { email, password } = await newPerson(fleet, 'Grace');
    let looked = 0;
    let statuses: number[] = [];
    while (statuses.length === 0 || statuses.some((status) => status !== 429)) {
      // A service that could not keep up is left alone for as long as it asks for.
      if (statuses.some((status) => status > 429)) await sleep(1_000);
      await liftLocks();
      statuses = (await Promise.all(Array.from({ length: 5 }, () => guess(email)))).map(({ status }) => status);
      looked += statuses.filter((status) => status === 401).length;
      await flushRedis();
    }
    expect(looked).toBeGreaterThan(50);
    expect(looked).toBeLessThanOrEqual(100);
    expect((await latestGuesses()).day_guesses).toBe(100);
    await liftLocks();
    await isLocked(email, password);
  });

  it('control: what is counted in Redis is forgotten by a flush', async () => {
    const statuses = async () => {
      const calls = Array.from({ length: 5 }, () => send({ request: 'POST /v1/webhooks/providers/sandbox', body: {} }));
      return (await Promise.all(calls)).map(({ status }) => status).sort();
    };
    expect(await statuses()).toEqual([401, 401, 401, 429, 429]);
    await flushRedis();
    expect(await statuses()).toEqual([401, 401, 401, 429, 429]);
  });
});

describe('one answer for all causes', () => {
  const routes = [
    'identity /v1/me',
    'accounts /v1/accounts',
    'transactions /v1/transactions',
    'notification /v1/notifications',
  ];

  it('401: without, with an unreadable and with a forged token, after logout and for an unknown API key, at every service', async () => {
    const person = await newPerson(fleet, 'Alan');
    const [head, claims] = person.accessToken.split('.');
    await person.client.logout();
    const forged = `${head}.${claims}.${'A'.repeat(86)}`;
    const tokens = [undefined, 'x', 'a.b.c', forged, person.accessToken, `flk_${'a'.repeat(49)}`];
    const answers = routes.flatMap((route) =>
      tokens.map((token) => send({ request: `GET ${route.split(' ')[1]}`, token })),
    );
    const bodies = new Set((await Promise.all(answers)).map(told));
    expect([...bodies]).toHaveLength(1);
    expect([...bodies][0]).toContain('"status":401');
    // Control: the same comparison tells this 401 from the one of a login.
    bodies.add(told(await logIn('nobody@example.com', 'whatever it is')));
    expect(bodies.size).toBe(2);
  });

  it('login: a wrong password, an unknown email and a disabled user', async () => {
    const [known, disabled] = [await newPerson(fleet, 'Edsger'), await newPerson(fleet, 'Tony')];
    await database.query(`update identity.users set status = 'disabled' where email = $1`, [disabled.email]);
    const answers = [
      await guess(known.email),
      await guess(`${randomUUID()}@example.com`),
      await logIn(disabled.email, disabled.password),
    ];
    expect([...new Set(answers.map(told))]).toEqual([expect.stringContaining('invalid_credentials')]);
    // Control: with the right password it is another answer.
    expect(told(await logIn(known.email, known.password))).not.toBe(told(answers[0] ?? Object.assign({})));
  });

  it('forgot and verify: whether anybody has the email, and why a token is worth nothing', async () => {
    const { email } = await newPerson(fleet, 'Barbara');
    const forgot = (address: string) => send({ request: 'POST /v1/auth/password/forgot', body: { email: address } });
    const verify = (token: string) => send({ request: 'POST /v1/auth/email/verify', body: { token } });
    const asked = [await forgot(email), await forgot(`${randomUUID()}@example.com`), await forgot(email)];
    expect([...new Set(asked.map(told))]).toEqual([expect.stringContaining('"status":202')]);
    const verified = [await verify('x'), await verify(randomUUID()), await verify(`flt_${'a'.repeat(43)}`)];
    expect([...new Set(verified.map(told))]).toEqual([expect.stringContaining('"status":400')]);
  });

  it('control: registering, which by contract says that an email is taken, is found', async () => {
    const { email } = await newPerson(fleet, 'Donald');
    const register = (address: string) =>
      send({ request: 'POST /v1/auth/register', body: { email: address, password: randomUUID(), name: 'Eve' } });
    const [taken, free] = [await register(email), await register(`${randomUUID()}@example.com`)];
    expect([taken.status, free.status]).toEqual([409, 201]);
    expect(told(taken)).not.toBe(told(free));
  });
});
