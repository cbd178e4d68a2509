import { defineConfig } from 'vitest/config';

const ignored = ['**/node_modules/**', '**/.florin/**', 'infra/checks/fixtures/**'];
const fleets = '**/*.fleet.test.ts';
const alone = ['kill', 'faults'].map((name) => `{packages,infra}/**/${name}.fleet.test.ts`);
const ofFleets = {
  globalSetup: ['packages/testing/src/global-setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
};

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
          // Many tests wait for time-outs and processes more than they work.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fleet',
          include: [`{packages,services,gateway,infra}/${fleets}`],
          exclude: [...ignored, ...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...ofFleets,
        },
      },
      {
        extends: true,
        test: {
          // They measure how soon what they broke is back, and need the machine to themselves.
          name: 'alone',
          include: alone,
          exclude: ignored,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          ...ofFleets,
        },
      },
    ],
  },
});
