import { type Database, inTransaction, type Transaction } from '@florin/database';
import { recordAudit } from '../audit/record-audit.ts';
import { databaseNow } from '../database-clock.ts';
import type { Tables } from '../tables.ts';
import { planRotation, type RotationRules, signingKey } from './rotation-plan.ts';
import {
  addSigningKey,
  lockSigningKeys,
  readSigningKeys,
  retireSigningKeys,
  type StoredKey,
  tryLockSigningKeys,
} from './signing-key-queries.ts';

/** What a rotation has done. */
export interface Rotation {
  /** The key that was made, or that was waiting for its time already. */
  coming: { kid: string; signsFrom: Date } | null;
  /** Keys that are neither published nor accepted any more; their private halves are deleted. */
  retired: string[];
}

/** Where keys are kept, and the key that private halves are encrypted with. */
export interface KeyStore {
  db: Database<Tables>;
  sealingKey: Buffer;
}

type Reason = 'schedule' | 'command' | 'compromised';

/**
 * Does what is due by the schedule. Of several processes that call it at once one does it; undefined for the others, who need not
 * wait.
 */
export async function tendSigningKeys(store: KeyStore, rules: RotationRules): Promise<Rotation | undefined> {
  return await inTransaction(store.db, async (tx) => {
    if (!(await tryLockSigningKeys(tx))) return undefined;
    const keys = await readSigningKeys(tx);
    const { add, retire } = planRotation(keys, new Date(await databaseNow(tx)), rules);
    await retireKeys(tx, retire, 'schedule');
    const coming = add === undefined ? null : await makeKey(tx, store.sealingKey, add, 'schedule');
    return { coming, retired: retire };
  });
}

/** Begins a rotation: a key that signs `leadMs` from now. Where one is waiting for its time already, that one is told of instead. */
export async function rotateSigningKey(store: KeyStore, { leadMs }: Pick<RotationRules, 'leadMs'>): Promise<Rotation> {
  return await inTransaction(store.db, async (tx) => {
    await lockSigningKeys(tx);
    const now = await databaseNow(tx);
    const waiting = (await readSigningKeys(tx)).find(({ notBefore }) => notBefore.getTime() > now);
    if (waiting !== undefined) return { coming: { kid: waiting.kid, signsFrom: waiting.notBefore }, retired: [] };
    return { coming: await makeKey(tx, store.sealingKey, new Date(now + leadMs), 'command'), retired: [] };
  });
}

/**
 * Ends compromised keys at once, all of them unless told which, whatever tokens they have signed. A new one signs from now on where
 * the one that signs is among them.
 *
 * @throws Error where one of `kids` is no key in use; nothing is done then
 */
export async function revokeSigningKeys(store: KeyStore, kids: readonly string[]): Promise<Rotation> {
  return await inTransaction(store.db, async (tx) => {
    await lockSigningKeys(tx);
    const now = new Date(await databaseNow(tx));
    const keys = await readSigningKeys(tx);
    const revoked = chooseKeys(keys, kids);
    await retireKeys(tx, revoked, 'compromised');
    const signing = signingKey(keys, now)?.kid;
    const left = signing !== undefined && !revoked.includes(signing);
    return { coming: left ? null : await makeKey(tx, store.sealingKey, now, 'compromised'), retired: revoked };
  });
}

function chooseKeys(keys: readonly StoredKey[], kids: readonly string[]): string[] {
  const inUse = keys.map(({ kid }) => kid);
  const unknown = kids.find((kid) => !inUse.includes(kid));
  if (unknown !== undefined) throw new Error(`${unknown} is no signing key in use`);
  return kids.length > 0 ? [...new Set(kids)] : inUse;
}

async function makeKey(tx: Transaction<Tables>, sealingKey: Buffer, signsFrom: Date, reason: Reason) {
  const kid = await addSigningKey(tx, sealingKey, signsFrom);
  const details = { reason, signsFrom: signsFrom.toISOString() };
  await recordAudit(tx, { actor: 'system', action: 'signing_key.created', resource: kid, details });
  return { kid, signsFrom };
}

async function retireKeys(tx: Transaction<Tables>, kids: readonly string[], reason: Reason): Promise<void> {
  await retireSigningKeys(tx, kids);
  for (const kid of kids) {
    await recordAudit(tx, { actor: 'system', action: 'signing_key.retired', resource: kid, details: { reason } });
  }
}
