import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CloudEvent } from './cloud-event.ts';
import * as contracts from './index.ts';

const folder = join(import.meta.dirname, '../fixtures');
const fixtures = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as CloudEvent);

function isDefinition(value: unknown): value is contracts.EventDefinition {
  return typeof value === 'object' && value !== null && 'parse' in value;
}
const definitions = Object.values<unknown>(contracts).filter(isDefinition);

describe('events', () => {
  it('each has one fixture, a real message, and there are no others', () => {
    expect(fixtures.map(({ type }) => type).sort()).toEqual(definitions.map(({ type }) => type).sort());
  });

  it.each(definitions)(
    '$type is named by service, noun, what happened and version, and parses its fixture',
    ({ type, parse }) => {
      expect(type).toMatch(/^[a-z]+\.[a-z-]+\.[a-z-]+\.v[1-9]$/);
      const fixture = fixtures.find((candidate) => candidate.type === type);
      expect(parse(fixture?.data)).toEqual(fixture?.data);
      expect(fixture?.source).toBe(`florin/${type.split('.')[0]}`);
    },
  );

  it.each(definitions)(
    '$type lets an unknown field through, and refuses a missing one by its name',
    ({ type, parse }) => {
      const data = fixtures.find((candidate) => candidate.type === type)?.data as Record<string, unknown>;
      expect(parse({ ...data, addedLater: 1 })).toHaveProperty('addedLater');
      const [first = ''] = Object.keys(data);
      const { [first]: _, ...rest } = data;
      expect(() => parse(rest)).toThrow(first);
    },
  );
});

describe('queues', () => {
  it('read only events that exist', () => {
    const known = definitions.map(({ type }) => type);
    expect(
      Object.values(contracts.queues)
        .flat()
        .filter((type) => !known.includes(type)),
    ).toEqual([]);
  });
});
