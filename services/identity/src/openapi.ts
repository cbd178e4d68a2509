import { writeFile } from 'node:fs/promises';
import { staticKeys } from '@florin/auth';
import { createDatabase, createPool } from '@florin/database';
import { openApiDocument } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from './app.ts';
import { overloaded } from './errors.ts';
import { createPasswordDesk } from './passwords/password-desk.ts';
import { createLines } from './passwords/turns.ts';
import { deriveSecrets } from './secrets.ts';
import { openPlaces } from './sessions/places.ts';
import type { Tables } from './tables.ts';
import type { KeyRing } from './tokens/key-ring.ts';

/** The committed document. */
export const openApiFile = new URL('../openapi.json', import.meta.url);

const noKeys: KeyRing = {
  ...staticKeys({ keys: [] }),
  signer: () => {
    throw new Error('nothing is signed here');
  },
  publicKeys: () => [],
  reload: async () => undefined,
};

/** The text of openapi.json as the routes make it. Nothing is connected to. */
export async function openApiText(): Promise<string> {
  const url = 'postgres://127.0.0.1/unused';
  const app = buildApp({
    db: createDatabase<Tables>(createPool({ url, schema: 'identity', applicationName: 'openapi' })),
    logger: createLogger({ service: 'identity', level: 'silent' }),
    keyRing: noKeys,
    secrets: deriveSecrets(Buffer.alloc(32)),
    passwords: createPasswordDesk({ concurrency: 1, maxWaiting: 1 }),
    loginLines: createLines({ maxWaiting: 1 }, () => overloaded('unused')),
    rules: { issuer: 'https://florin.dev', accessTokenMs: 1, serviceTokenMs: 1, sessionMs: 1, stepUpSeconds: 1 },
    relyingParty: { name: 'unused', id: 'localhost', origins: [] },
    serviceClients: new Map(),
    services: { accounts: 'http://unused', transactions: 'http://unused', notification: 'http://unused' },
    places: await openPlaces(undefined),
  });
  await app.ready();
  const text = `${JSON.stringify(openApiDocument(app), undefined, 2)}\n`;
  await app.close();
  return text;
}

if (import.meta.main) await writeFile(openApiFile, await openApiText());
