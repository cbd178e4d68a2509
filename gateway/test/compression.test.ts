import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startGateway, startUpstream } from './harness.ts';

interface Raw {
  headers: NodeJS.Dict<string | string[]>;
  bytes: Buffer;
}

/** The answer as it is on the wire. */
function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, bytes: Buffer.concat(chunks) }));
    });
    asking.on('error', reject).end();
  });
}

const json = (bytes: number) => JSON.stringify({ a: 'é'.repeat((bytes - 8) / 2) });

async function start(text: string, headers: Record<string, string> = { 'content-type': 'application/json' }) {
  const upstream = await startUpstream();
  upstream.answer = ({ method }, response) => {
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text) });
    response.end(method === 'HEAD' ? undefined : text);
  };
  const gateway = await startGateway(upstream.url);
  return { url: `${gateway.url}/v1/me`, bearer: gateway.bearer };
}

describe('answers are compressed', () => {
  test.each([
    ['gzip', 'gzip, deflate', gunzipSync],
    ['br', 'gzip, deflate, br', brotliDecompressSync],
  ] as const)('with %s where the client takes it and they have more than 1 KiB', async (encoding, accepted, unpack) => {
    for (const size of [1_100, 2_000, 60_000, 200_000]) {
      const { url, bearer } = await start(json(size));
      const { headers, bytes } = await ask(url, { ...bearer, 'accept-encoding': accepted });
      expect([headers['content-encoding'], headers.vary]).toEqual([encoding, 'accept-encoding']);
      expect(bytes.length).toBeLessThan(size / 5);
      expect(unpack(bytes).toString()).toBe(json(size));
    }
  });

  test.each([
    ['a short one', json(900), {}, 'br'],
    ['one that the client wants plain', json(2_000), {}, ''],
    ['an image', json(2_000), { 'content-type': 'image/png' }, 'br'],
    ['one that is compressed already', json(2_000), { 'content-encoding': 'zstd' }, 'br'],
  ])('but %s stays as it is', async (_name, text, changed, accepted) => {
    const { url, bearer } = await start(text, { 'content-type': 'application/json', ...changed });
    const { headers, bytes } = await ask(url, { ...bearer, ...(accepted && { 'accept-encoding': accepted }) });
    expect(headers['content-encoding']).toBe((changed as Record<string, string>)['content-encoding']);
    expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
    expect(bytes.toString()).toBe(text);
  });

  test('and a HEAD still tells the length', async () => {
    const { url, bearer } = await start(json(2_000));
    const { headers } = await ask(url, { ...bearer, 'accept-encoding': 'br' }, 'HEAD');
    expect([headers['content-length'], headers['content-encoding']]).toEqual(['2000', undefined]);
  });
});
