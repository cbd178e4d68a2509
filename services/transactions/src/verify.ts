import { createDatabase, createPool } from '@florin/database';
import { runMain } from '@florin/service';
import type { Tables } from './tables.ts';
import { readVerifyConfig } from './verification/config.ts';
import { verifyLedger } from './verification/verify-ledger.ts';

// Exit code 0 and one line when the ledger is sound; 1 and one line that names the first broken row when not.
await runMain('verify', async () => {
  const { databaseUrl, trustedKeys } = readVerifyConfig();
  const pool = createPool({
    url: databaseUrl,
    schema: 'transactions',
    applicationName: 'verify',
    max: 1,
    connectionTimeoutMs: 10_000,
    statementTimeoutMs: 0,
    idleInTransactionTimeoutMs: 60_000,
  });
  const db = createDatabase<Tables>(pool);
  try {
    const { sound, line } = await verifyLedger(db, trustedKeys);
    if (!sound) throw new Error(line);
    process.stdout.write(`${line}\n`);
  } finally {
    await db.destroy();
  }
});
