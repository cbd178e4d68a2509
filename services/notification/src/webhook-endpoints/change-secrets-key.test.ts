import { randomBytes, randomUUID } from 'node:crypto';
import { parseId } from '@florin/service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { type MadeEndpoint, makeEndpoint } from '../testing/webhooks.ts';
import { changeSecretsKey } from './change-secrets-key.ts';
import { deriveWebhookKeys, openSecret, shownSecret } from './endpoint-secrets.ts';
import { listSecrets } from './secret-queries.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

it('secrets and kept answers go over to the new key; again, or with a wrong old key, nothing changes', async () => {
  const ada = service.caller();
  const from = service.webhooks.keys;
  const [to, wrong] = [deriveWebhookKeys(randomBytes(32)), deriveWebhookKeys(randomBytes(32))];
  const headers = { 'idempotency-key': randomUUID() };
  const body = { url: 'https://hooks.example/', events: ['*'] };
  const create = () => service.call(ada, 'POST /v1/webhook-endpoints', { body, headers });
  const first = await create();
  const { id, secret } = first.json<MadeEndpoint>();
  await service.call(ada, `POST /v1/webhook-endpoints/${id}/rotate-secret`, {
    headers: { 'idempotency-key': 'rotated' },
  });
  await makeEndpoint(service, service.caller(), 'https://hooks.example/');
  expect(await changeSecretsKey(service.db, { from: wrong, to })).toEqual({ secrets: 0, keptAnswers: 0 });
  expect((await create()).text).toBe(first.text);
  expect(await changeSecretsKey(service.db, { from, to })).toEqual({ secrets: 3, keptAnswers: 3 });
  expect(await changeSecretsKey(service.db, { from, to })).toEqual({ secrets: 0, keptAnswers: 0 });
  const endpointId = parseId('whe', id) ?? '';
  const sealed = await listSecrets(service.db, endpointId);
  expect(sealed.map((one) => shownSecret(openSecret(to, endpointId, one)))).toContain(secret);
  for (const one of sealed) expect(() => openSecret(from, endpointId, one)).toThrow();
  expect((await create()).status).toBe(500);
  expect(await changeSecretsKey(service.db, { from: to, to: from })).toEqual({ secrets: 3, keptAnswers: 3 });
  expect((await create()).text).toBe(first.text);
});
