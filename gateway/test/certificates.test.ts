import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { problemOf, startGateway } from './harness.ts';
import { startPlainProxy } from './planted.ts';

/** DER: a tag, the length and what is in it. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

/** A key and a certificate that vouches for itself, and names nobody. */
function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
  const nobody = der(0x30);
  const years = der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('490101000000Z')));
  const stated = [der(0x02, Buffer.of(1)), algorithm, nobody, years, nobody];
  const certificate = der(0x30, ...stated, publicKey.export({ type: 'spki', format: 'der' }));
  const signature = der(0x03, Buffer.of(0), sign('sha256', certificate, privateKey));
  const base64 = der(0x30, certificate, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

/** A service over https whose certificate no authority has signed. */
async function startImpostor(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server: Server = createServer(selfSigned(), ({ url = '' }, response) => {
    asked.push(url);
    response.end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('a service over https', () => {
  test('whose certificate nobody vouches for gets no request', async () => {
    const { url, asked } = await startImpostor();
    const gateway = await startGateway(url);
    const response = await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer });
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(asked).toEqual([]);
  });

  test('control: a plain proxy sends it everything', async () => {
    const { url, asked } = await startImpostor();
    const plain = await startPlainProxy(url);
    expect((await fetch(`${plain.url}/v1/me`)).status).toBe(200);
    expect(asked).toEqual(['/v1/me']);
  });
});
