import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { eventually, type TestDatabase } from '@florin/testing';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  apiKey,
  createProviderDatabase,
  openProvider,
  providerEnv,
  type Received,
  type Receiver,
  startReceiver,
  webhookSecret,
} from '../testing/test-provider.ts';

let database: TestDatabase;
let receiver: Receiver;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  database = await createProviderDatabase();
  receiver = await startReceiver();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await receiver.close();
  await database.drop();
});

async function open() {
  const provider = await openProvider(database.url, receiver.url);
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await provider.close();
  };
  closers.push(close);
  return { ...provider, close };
}

const orderFor = (token: string) => ({
  reference: randomUUID(),
  amount: '1250',
  currency: 'USD',
  source: { type: 'card', token },
});

async function charge(provider: Awaited<ReturnType<typeof open>>, token: string): Promise<string> {
  const payload = orderFor(token);
  const answer = await provider.app.inject({
    method: 'POST',
    url: '/charges',
    headers: { 'x-api-key': apiKey },
    payload,
  });
  expect(answer.statusCode).toBe(202);
  return payload.reference;
}

const verified = ({ body, headers }: Received) => new Webhook(webhookSecret).verify(body, headers);

const arrived = (count: number) =>
  eventually(async () => expect(receiver.received.length).toBeGreaterThanOrEqual(count), { timeoutMs: 5_000 });

const quiet = () => new Promise((resolve) => setTimeout(resolve, 700));

describe('webhooks of the sandbox provider', () => {
  test('tok_ok › one signed webhook that the Standard Webhooks library accepts', async () => {
    const reference = await charge(await open(), 'tok_ok');
    await arrived(1);
    await quiet();
    const [webhook, ...others] = receiver.received;
    expect(others).toEqual([]);
    expect(webhook && verified(webhook)).toMatchObject({
      type: 'charge.succeeded',
      data: { reference, amount: '1250', currency: 'USD', status: 'succeeded' },
    });
  });

  test('tok_duplicate › the same event three times, each well signed', async () => {
    await charge(await open(), 'tok_duplicate');
    await arrived(3);
    await quiet();
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    receiver.received.forEach(verified);
  });

  test('tok_bad_signature › a forged webhook first, once, although refused; then the real one', async () => {
    receiver.answers.push(401);
    await charge(await open(), 'tok_bad_signature');
    await arrived(2);
    await quiet();
    const [forged, real, ...others] = receiver.received;
    if (!forged || !real) throw new Error('two webhooks were expected');
    expect(others).toEqual([]);
    expect(() => verified(forged)).toThrow(WebhookVerificationError);
    expect(verified(real)).toMatchObject({ type: 'charge.succeeded' });
  });

  test('tok_reordered › charge.succeeded arrives before charge.pending', async () => {
    await charge(await open(), 'tok_reordered');
    await arrived(2);
    expect(receiver.received.map(({ body }) => JSON.parse(body).type)).toEqual(['charge.succeeded', 'charge.pending']);
  });

  test('a webhook is repeated with the same id and bytes until it is answered with a 2xx, then no more', async () => {
    receiver.answers.push(500, 302, 404, 204);
    await charge(await open(), 'tok_ok');
    await arrived(4);
    await quiet();
    expect(receiver.received).toHaveLength(4);
    expect(new Set(receiver.received.map(({ body, headers }) => headers['webhook-id'] + body)).size).toBe(1);
    receiver.received.forEach(verified);
  });

  test('two processes on the same table send a webhook once', async () => {
    const [first] = [await open(), await open()];
    for (let count = 0; count < 10; count++) await charge(first, 'tok_ok');
    await arrived(10);
    await quiet();
    expect(receiver.received).toHaveLength(10);
  });

  test('a receiver that does not answer holds up neither the other webhooks nor the end of the process', async () => {
    receiver.answers.push('never');
    const provider = await open();
    await charge(provider, 'tok_ok');
    await arrived(1);
    await charge(provider, 'tok_ok');
    await arrived(2);
    const startedAt = Date.now();
    await provider.close();
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    await open();
    await arrived(3);
    const [first, , again] = receiver.received;
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  });

  test('a webhook that nobody took survives a kill -9 of the provider', async () => {
    receiver.answers.push(...Array.from({ length: 1_000 }, () => 503));
    const killed = await startProcess();
    await fetch(new URL('/charges', killed.url), {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: JSON.stringify(orderFor('tok_ok')),
    });
    await arrived(2);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    receiver.answers.length = 0;
    receiver.received.length = 0;
    // An attempt that the kill interrupted is leased for 15 s more; nobody waits for that here.
    const restarted = await open();
    await restarted.dependencies.db.updateTable('callbacks').set({ due_at: new Date() }).execute();
    await arrived(1);
    await quiet();
    expect(receiver.received.map(verified)).toMatchObject([{ type: 'charge.succeeded' }]);
  });
});

/** The provider as a process of its own, on a free port. */
async function startProcess(): Promise<{ child: ChildProcess; url: string }> {
  const env = { ...providerEnv(database.url, receiver.url), LOG_LEVEL: 'info' };
  const main = new URL('../main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  closers.push(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const url = await eventually(
    async () => {
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
      if (!address) throw new Error(`the provider does not listen: ${output}`);
      return address;
    },
    { timeoutMs: 15_000 },
  );
  return { child, url };
}
