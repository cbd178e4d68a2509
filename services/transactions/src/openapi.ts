import { writeFile } from 'node:fs/promises';
import { staticKeys } from '@florin/auth';
import { createDatabase, createPool } from '@florin/database';
import { openApiDocument } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from './app.ts';
import type { PostingEngine } from './engine/posting-engine.ts';
import type { Tables } from './tables.ts';

/** The committed document. */
export const openApiFile = new URL('../openapi.json', import.meta.url);

const engine: PostingEngine = {
  submit: () => Promise.reject(new Error('nothing is posted here')),
  close: async () => undefined,
};

/** The text of openapi.json as the routes make it. Nothing is connected to. */
export async function openApiText(): Promise<string> {
  const url = 'postgres://127.0.0.1/unused';
  const db = createDatabase<Tables>(createPool({ url, schema: 'transactions', applicationName: 'openapi' }));
  const logger = createLogger({ service: 'transactions', level: 'silent' });
  const app = buildApp({
    logger,
    db,
    engine,
    payments: {
      access: { db, engine, logger },
      providers: new Map(),
      wake: () => undefined,
      close: async () => undefined,
    },
    deliveries: { deliveriesOf: async () => null },
    keys: staticKeys({ keys: [] }),
    tokenIssuer: 'https://florin.dev',
  });
  await app.ready();
  const text = `${JSON.stringify(openApiDocument(app), undefined, 2)}\n`;
  await app.close();
  return text;
}

if (import.meta.main) await writeFile(openApiFile, await openApiText());
