import { defineConfig } from 'vitest/config';

const transactions = 'services/transactions/src';

export default defineConfig({
  test: {
    setupFiles: [`${transactions}/testing/without-shrinking.ts`],
    // Tests of pure rules, which need no server. Paths are from the root of the repository.
    include: [
      'packages/money/src/*.test.ts',
      `${transactions}/batches/{batch,moving-state}.test.ts`,
      `${transactions}/engine/{batch-decision,entries,hold,limits,working-ledger}.test.ts`,
      `${transactions}/holds/hold-end.test.ts`,
      `${transactions}/limits/{check-limits,read-limits}.test.ts`,
      `${transactions}/payments/{report-rules,settle-payment}.test.ts`,
      `${transactions}/reversals/reversal.test.ts`,
      `${transactions}/transfers/{fee,transfer,transfer-rules}.test.ts`,
    ],
  },
});
