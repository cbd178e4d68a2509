import { writeFile } from 'node:fs/promises';
import { staticKeys } from '@florin/auth';
import { createDatabase, createPool } from '@florin/database';
import { openApiDocument } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from './app.ts';
import type { Tables } from './tables.ts';

/** The committed document. */
export const openApiFile = new URL('../openapi.json', import.meta.url);

/** The text of openapi.json as the routes make it. Nothing is connected to. */
export async function openApiText(): Promise<string> {
  const url = 'postgres://127.0.0.1/unused';
  const app = buildApp({
    db: createDatabase<Tables>(createPool({ url, schema: 'accounts', applicationName: 'openapi' })),
    ledger: { putAccount: async () => ({ kind: 'unknown' }), close: () => undefined },
    logger: createLogger({ service: 'accounts', level: 'silent' }),
    keys: staticKeys({ keys: [] }),
    tokenIssuer: 'https://florin.dev',
    numbers: { country: 'LU', bankCode: '999' },
    payees: { stepUpSeconds: 1, perOwner: 1 },
  });
  await app.ready();
  const text = `${JSON.stringify(openApiDocument(app), undefined, 2)}\n`;
  await app.close();
  return text;
}

if (import.meta.main) await writeFile(openApiFile, await openApiText());
