import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
/** What the bootstrap fetches and remembers; git-ignored and free to be deleted. */
export const cacheFolder = join(root, '.florin');
/** The committed lockfiles of Node and pnpm. */
export const lockfilesFolder = join(root, 'infra', 'local', 'toolchain');
