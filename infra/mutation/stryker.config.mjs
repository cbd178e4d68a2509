import { fileURLToPath } from 'node:url';

const engine = 'services/transactions/src/engine';
const rules = 'services/transactions/src';

/** Stryker on the pure money rules. It runs in the root of the repository; see README.md. */
export default {
  mutate: [
    'packages/money/src/amounts.ts',
    `${engine}/{entries,working-ledger,batch-decision,hold,limits}.ts`,
    `${rules}/transfers/{transfer,transfer-rules,fee}.ts`,
    `${rules}/batches/{batch,moving-state}.ts`,
    `${rules}/holds/hold-end.ts`,
    `${rules}/reversals/reversal.ts`,
    `${rules}/limits/{check-limits,limits}.ts`,
    `${rules}/payments/report-rules.ts`,
  ],
  // Texts for people are not rules; the texts that programs read (codes, statuses) are compared by the tests all the same.
  mutator: { excludedMutations: ['StringLiteral'] },
  // Constants of modules: each would need all tests again in a fresh process, which doubles the time for a tenth of the mutants.
  ignoreStatic: true,
  plugins: [fileURLToPath(import.meta.resolve('@stryker-mutator/vitest-runner'))],
  testRunner: 'vitest',
  vitest: { configFile: 'infra/mutation/vitest.config.ts', related: false },
  concurrency: 2,
  timeoutMS: 10_000,
  thresholds: { high: 95, low: 90, break: 90 },
  reporters: ['clear-text', 'html'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, skipFull: true },
  htmlReporter: { fileName: '.florin/mutation/report.html' },
  tempDirName: '.florin/mutation/sandbox',
  ignorePatterns: ['.florin', '.turbo', '.stryker-tmp', 'docs', 'gateway', 'monitoring', 'infra/checks', 'infra/bench'],
  allowEmpty: false,
};
