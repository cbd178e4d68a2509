// The program behind `npm run verify`: recomputes the books and the audit log of the fleet that runs here.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFleetFile } from './fleet/fleet-file.ts';
import { homeFiles } from './fleet/home.ts';
import { readLocalSettings } from './fleet/local-settings.ts';
import { Secrets } from './fleet/secrets.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const files = homeFiles(readLocalSettings(process.env, root).home);

if (existsSync(files.fleet)) {
  const env = {
    ...process.env,
    DATABASE_URL: readFleetFile(files.fleet).postgres.url,
    LEDGER_SEAL_KEY: new Secrets(files.secrets).get('transactions.seals'),
  };
  for (const service of ['transactions', 'identity']) {
    const program = join(root, 'services', service, 'src/verify.ts');
    const { status } = spawnSync(process.execPath, [program], { env, stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
} else {
  process.stderr.write('florin: No fleet runs here; npm start starts one.\n');
  process.exitCode = 1;
}
