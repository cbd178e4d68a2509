// The program behind `npm run rotate-keys`: changes the signing keys of the fleet that runs here.
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
    KEY_ENCRYPTION_KEY: new Secrets(files.secrets).get('identity.keys'),
  };
  const program = join(root, 'services/identity/src/rotate-keys.ts');
  const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { env, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else {
  process.stderr.write('florin: No fleet runs here; npm start starts one.\n');
  process.exitCode = 1;
}
