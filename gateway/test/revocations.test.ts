import { serviceTokens } from '@florin/auth';
import { apiKeysRevoked, sessionsRevoked } from '@florin/contracts';
import { connectTransport, type Transport } from '@florin/messaging';
import { formatId, newUuid } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { eventually, testAmqpUrl } from '@florin/testing';
import { expect, onTestFinished, test } from 'vitest';
import { followRevocations } from '../src/plugins/revocations.ts';
import { RevokedSessions } from '../src/revoked-sessions.ts';
import { answerJson, startUpstream, type TestUpstream } from './harness.ts';

const newSession = () => formatId('ses', newUuid());
const inTenMinutes = () => new Date(Date.now() + 600_000).toISOString();

/** Stands for identity: hands out service tokens and the list of `revoked`. */
async function startIdentity(revoked: string[], revokedKeys?: string[]): Promise<TestUpstream> {
  const identity = await startUpstream();
  identity.answer = ({ url, headers }, response) => {
    if (url === '/internal/service-tokens')
      return answerJson(response, 200, { token: 'service.to.ken', expiresIn: 300 });
    if (headers.authorization !== 'Bearer service.to.ken') return answerJson(response, 401, {});
    const data = revoked.map((session) => ({ session, expiresAt: inTenMinutes() }));
    const keys = revokedKeys?.map((key) => ({ key, expiresAt: inTenMinutes() }));
    return answerJson(response, 200, { data, keys, asOf: new Date().toISOString() });
  };
  return identity;
}

function follow(identity: TestUpstream, transport?: Transport) {
  const revoked = new RevokedSessions();
  const errors: unknown[] = [];
  const tokens = serviceTokens({ identityUrl: identity.url, clientName: 'gateway', clientSecret: 'a secret' });
  const feed = followRevocations({
    revoked,
    identityUrl: identity.url,
    tokens,
    transport,
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => feed.close());
  return { revoked, errors };
}

async function msUntilKnown(revoked: RevokedSessions, session: string): Promise<number> {
  const started = performance.now();
  await eventually(() => expect(revoked.has(session)).toBe(true), { timeoutMs: 5_000 });
  return performance.now() - started;
}

const listReads = (identity: TestUpstream) => identity.arrived.filter(({ url }) => url.startsWith('/internal/revo'));

test('the list is loaded at the start', async () => {
  const session = newSession();
  const { revoked } = follow(await startIdentity([session]));
  await msUntilKnown(revoked, session);
  expect(revoked.loaded).toBe(true);
});

test('the list holds revoked API keys too, within a second of their revocation', async () => {
  const keys = [formatId('key', newUuid())];
  const { revoked } = follow(await startIdentity([newSession()], keys));
  await msUntilKnown(revoked, keys[0] ?? '');
  const later = formatId('key', newUuid());
  keys.push(later);
  expect(await msUntilKnown(revoked, later)).toBeLessThan(1_000);
});

test('without a bus a revocation is known within a second, and only what is new is asked for', async () => {
  const list: string[] = [];
  const identity = await startIdentity(list);
  const { revoked } = follow(identity);
  await eventually(() => expect(revoked.loaded).toBe(true), { timeoutMs: 5_000 });
  const session = newSession();
  list.push(session);
  expect(await msUntilKnown(revoked, session)).toBeLessThan(1_000);
  expect(listReads(identity)[0]?.url).toBe('/internal/revocations');
  expect(listReads(identity)[1]?.url).toMatch(/^\/internal\/revocations\?since=20/);
});

test('identity away: what is known stays, one complaint, and it goes on when identity is back', async () => {
  const known = newSession();
  const list = [known];
  const identity = await startIdentity(list);
  const { revoked, errors } = follow(identity);
  await msUntilKnown(revoked, known);
  const { answer } = identity;
  identity.answer = (_request, response) => answerJson(response, 503, {});
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(revoked.has(known)).toBe(true);
  expect(errors).toHaveLength(1);
  identity.answer = answer;
  const later = newSession();
  list.push(later);
  await msUntilKnown(revoked, later);
});

function transportOf(url: string, namespace: string): Transport {
  const transport = connectTransport({ url, namespace, logger: createLogger({ service: 'test', level: 'silent' }) });
  onTestFinished(() => transport.close());
  return transport;
}

function revokedEvent(session: string) {
  return {
    specversion: '1.0',
    id: formatId('evt', newUuid()),
    source: 'florin/identity',
    type: sessionsRevoked.type,
    subject: session,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data: {
      user: formatId('usr', newUuid()),
      sessions: [session],
      revokedAt: new Date().toISOString(),
      expiresAt: inTenMinutes(),
    },
  } as const;
}

function revokedKeyEvent(key: string) {
  const { data, ...event } = revokedEvent(key);
  const { sessions: _sessions, ...same } = data;
  return { ...event, type: apiKeysRevoked.type, data: { ...same, keys: [key] } };
}

test('with a bus the event alone is enough, within a second and without polling', { timeout: 40_000 }, async () => {
  const url = await testAmqpUrl();
  const namespace = `gateway-${newUuid()}`;
  const identity = await startIdentity([]);
  const { revoked } = follow(identity, transportOf(url, namespace));
  const publisher = transportOf(url, namespace);
  // Control: whom the event does not reach does not know of it.
  const elsewhere = follow(await startIdentity([]), transportOf(url, `${namespace}-other`));
  await eventually(
    async () => {
      // The receiver's queue exists once one event has come through.
      const probe = newSession();
      await publisher.publish([revokedEvent(probe)]);
      await eventually(() => expect(revoked.has(probe)).toBe(true), { timeoutMs: 300 });
    },
    { timeoutMs: 30_000 },
  );
  const readsBefore = listReads(identity).length;
  const session = newSession();
  await publisher.publish([revokedEvent(session)]);
  expect(await msUntilKnown(revoked, session)).toBeLessThan(1_000);
  const key = formatId('key', newUuid());
  await publisher.publish([revokedKeyEvent(key)]);
  expect(await msUntilKnown(revoked, key)).toBeLessThan(1_000);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  // Without events it would be asked three times in that; once in fifteen seconds it is anyway.
  expect(listReads(identity).length).toBeLessThanOrEqual(readsBefore + 1);
  expect([elsewhere.revoked.loaded, elsewhere.revoked.has(session), elsewhere.revoked.has(key)]).toEqual([
    true,
    false,
    false,
  ]);
});

test('with a bus that is away identity is asked instead', async () => {
  const list: string[] = [];
  const identity = await startIdentity(list);
  const { revoked } = follow(identity, transportOf('amqp://127.0.0.1:9', 'florin'));
  await eventually(() => expect(revoked.loaded).toBe(true), { timeoutMs: 5_000 });
  const session = newSession();
  list.push(session);
  expect(await msUntilKnown(revoked, session)).toBeLessThan(1_000);
});
