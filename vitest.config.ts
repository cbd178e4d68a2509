import { defineConfig } from 'vitest/config';

const ignored = ['**/node_modules/**', '**/.florin/**', 'infra/checks/fixtures/**'];
const fleets = '**/*.fleet.test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    // Machines of CI are shared: a test that failed for want of processor time gets one more try there.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['{packages,services,gateway,infra}/**/*.test.ts'],
          exclude: [...ignored, fleets],
          globalSetup: ['packages/testing/src/global-setup.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // A whole fleet needs the machine to itself.
          name: 'fleet',
          include: [`{packages,services,gateway,infra}/${fleets}`],
          exclude: ignored,
          globalSetup: ['packages/testing/src/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
