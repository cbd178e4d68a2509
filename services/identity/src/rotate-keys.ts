import { createDatabase, createPool } from '@florin/database';
import { runMain } from '@florin/service';
import { changeEncryptionKey } from './change-encryption-key.ts';
import { type KeySettings, readKeySettings } from './config.ts';
import { deriveSecrets } from './secrets.ts';
import type { Tables } from './tables.ts';
import { type KeyStore, revokeSigningKeys, rotateSigningKey } from './tokens/rotate-signing-keys.ts';
import { readSigningKeys } from './tokens/signing-key-queries.ts';

type Act = (store: KeyStore, settings: KeySettings, words: string[]) => Promise<object>;

const rotate: Act = (store, settings) => rotateSigningKey(store, settings);

const acts: Record<'revoke' | 'list' | 'reencrypt', Act> = {
  revoke: (store, _settings, kids) => revokeSigningKeys(store, kids),
  async list({ db }) {
    const keys = await readSigningKeys(db);
    return { keys: keys.map(({ kid, notBefore }) => ({ kid, signsFrom: notBefore })) };
  },
  reencrypt: ({ db }, { masterKey, previousKey }) =>
    changeEncryptionKey(db, { from: deriveSecrets(previousKey()), to: deriveSecrets(masterKey) }),
};

/** What the command line asks for. @throws Error with the usage where it is something else */
function readCommand(): { act: Act; words: string[] } {
  const [first, ...words] = process.argv.slice(2);
  if (first === undefined) return { act: rotate, words };
  const name = /^--(revoke|list|reencrypt)$/.exec(first)?.[1] as keyof typeof acts | undefined;
  const isUnderstood = name === 'revoke' ? !words.some((word) => word.startsWith('--')) : words.length === 0;
  if (name === undefined || !isUnderstood)
    throw new Error('Use: rotate-keys [--revoke [key id …] | --list | --reencrypt]');
  return { act: acts[name], words };
}

/**
 * Changes the signing keys of the database in DATABASE_URL, and prints what it did as a line of JSON. Without words it makes the next
 * key, which signs SIGNING_KEY_LEAD_SECONDS later. `--revoke` ends keys at once, those named or all; `--list` shows the keys;
 * `--reencrypt` goes over from KEY_ENCRYPTION_KEY_PREVIOUS to KEY_ENCRYPTION_KEY.
 */
await runMain('identity signing keys', async () => {
  const { act, words } = readCommand();
  const settings = readKeySettings();
  const db = createDatabase<Tables>(
    createPool({ url: settings.databaseUrl, schema: 'identity', applicationName: 'identity-rotate-keys', max: 1 }),
  );
  try {
    const store = { db, sealingKey: deriveSecrets(settings.masterKey).signingKeys };
    process.stdout.write(`${JSON.stringify(await act(store, settings, words))}\n`);
  } finally {
    await db.destroy();
  }
});
