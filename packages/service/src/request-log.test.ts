import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectingLogger, testServer } from './testing.ts';

function started(options: { logEveryRequest?: boolean }) {
  const { logger, lines } = collectingLogger();
  const app = testServer({ logger, ...options });
  app.get('/good', async () => ({}));
  app.get('/slow', async () => {
    await sleep(1100);
    return {};
  });
  const logged = async (url: string) => {
    const { statusCode } = await app.inject({ url, headers: { 'x-request-id': `id-of${url.replace('/', '-')}` } });
    return { statusCode, line: lines.find(({ msg, route }) => msg === 'request' && (route ?? '/missing') === url) };
  };
  return { app, logged };
}

test('a service tells in an info line of what was refused and what was slow, with the request id', async () => {
  const { app, logged } = started({});
  expect(await logged('/missing')).toMatchObject({
    statusCode: 404,
    line: { level: 30, status: 404, code: 'not_found', requestId: 'id-of-missing', traceId: expect.any(String) },
  });
  expect(await logged('/slow')).toMatchObject({ statusCode: 200, line: { status: 200, requestId: 'id-of-slow' } });
  expect(await logged('/good')).toEqual({ statusCode: 200, line: undefined });
  await app.close();
});

test('where every request is logged, one that went well has its line too', async () => {
  const { app, logged } = started({ logEveryRequest: true });
  expect(await logged('/good')).toMatchObject({ statusCode: 200, line: { status: 200, requestId: 'id-of-good' } });
  await app.close();
});
