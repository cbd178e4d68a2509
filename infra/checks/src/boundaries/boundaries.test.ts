import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findViolations } from './cruise.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../../..');
const planted = join(here, '../../fixtures/violations');
const folders = ['services', 'gateway', 'packages', 'infra'];

describe('boundaries', () => {
  it('nobody in the repository crosses one', async () => {
    const { files, violations } = await findViolations(root, folders);
    expect(files).toBeGreaterThan(100);
    expect(violations).toEqual([]);
  });

  it('every planted violation is reported', async () => {
    const { violations } = await findViolations(planted, folders);
    const reported = violations.map(({ rule, from }) => `${rule} ${from}`);
    expect(new Set(reported)).toEqual(
      new Set([
        'no-service-to-service services/accounts/src/value-import.ts',
        'no-service-to-service services/accounts/src/type-import.ts',
        'no-service-to-service services/accounts/src/dynamic-import.ts',
        'no-service-to-service gateway/src/peeks.ts',
        'resolvable services/accounts/src/by-name.ts',
        'resolvable services/accounts/src/uses-a-broker.ts',
        'no-production-to-infra services/accounts/src/starts-itself.ts',
        'no-production-to-test services/accounts/src/uses-a-test.ts',
        'no-cycles services/accounts/src/cycle-a.ts',
        'no-package-to-service packages/database/src/knows-a-service.ts',
        'contracts-stand-alone packages/contracts/src/uses-database.ts',
        'money-stands-alone packages/money/src/uses-yaml.ts',
        'one-transport-door services/accounts/src/uses-a-broker.ts',
      ]),
    );
  });
});
