import { readFile, writeFile } from 'node:fs/promises';
import { routes } from '../routes.ts';
import { type UpstreamName, upstreamNames } from '../upstreams.ts';
import type { OpenApiDocument } from './document.ts';
import { mergeDocuments } from './merge.ts';

const target = new URL('../../openapi.json', import.meta.url);

async function serviceDocument(name: UpstreamName): Promise<OpenApiDocument> {
  const file = new URL(`../../../services/${name}/openapi.json`, import.meta.url);
  return JSON.parse(await readFile(file, 'utf8')) as OpenApiDocument;
}

/** The text of gateway/openapi.json as the services' committed documents and the route table make it. */
export async function generateDocument(): Promise<string> {
  const documents = await Promise.all(upstreamNames.map(async (name) => [name, await serviceDocument(name)] as const));
  const merged = mergeDocuments(routes, Object.fromEntries(documents) as Record<UpstreamName, OpenApiDocument>);
  return `${JSON.stringify(merged, undefined, 2)}\n`;
}

// Run as a program it writes the file; the services' documents have to be written before.
if (import.meta.main) await writeFile(target, await generateDocument());
