import { writeFile } from 'node:fs/promises';
import { staticKeys } from '@florin/auth';
import { createDatabase, createPool } from '@florin/database';
import { openApiDocument } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from './app.ts';
import type { Tables } from './tables.ts';
import { deriveWebhookKeys } from './webhook-endpoints/endpoint-secrets.ts';

/** The committed document. */
export const openApiFile = new URL('../openapi.json', import.meta.url);

/** The text of openapi.json as the routes make it. Nothing is connected to. */
export async function openApiText(): Promise<string> {
  const url = 'postgres://127.0.0.1/unused';
  const app = buildApp({
    db: createDatabase<Tables>(createPool({ url, schema: 'notification', applicationName: 'openapi' })),
    logger: createLogger({ service: 'notification', level: 'silent' }),
    keys: staticKeys({ keys: [] }),
    tokenIssuer: 'https://florin.dev',
    webhooks: {
      keys: deriveWebhookKeys(Buffer.alloc(32)),
      privateTargets: 'refuse',
      resolve: async () => [],
      wake: () => {},
    },
  });
  await app.ready();
  const text = `${JSON.stringify(openApiDocument(app), undefined, 2)}\n`;
  await app.close();
  return text;
}

if (import.meta.main) await writeFile(openApiFile, await openApiText());
