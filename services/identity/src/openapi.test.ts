import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openApiFile, openApiText } from './openapi.ts';

test('openapi.json is what the routes make of it: run `node src/openapi.ts` after changing them', async () => {
  expect(await readFile(openApiFile, 'utf8')).toBe(await openApiText());
});
