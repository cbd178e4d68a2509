import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { schemaFiles } from './generate/schema-files.ts';
import { readAllSettings, settingsTable } from './generate/settings.ts';
import { root } from './repository.ts';

/** Writes every document that is made from code. The OpenAPI documents come from the services and the gateway themselves. */
const files = { 'docs/settings.md': settingsTable(await readAllSettings()), ...(await schemaFiles()) };
for (const [path, content] of Object.entries(files)) {
  writeFileSync(join(root, path), content);
  console.log(`wrote ${path}`);
}
