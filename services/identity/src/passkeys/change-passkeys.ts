import { type IdempotentAnswer, inTransaction, runSealed, type Transaction } from '@florin/database';
import { formatId, newUuid, ProblemError } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { conflict, invalidField, notFound, sessionOver } from '../errors.ts';
import { queueMail } from '../mail/mail-queries.ts';
import type { Resources } from '../resources.ts';
import { hashRecoveryCode, newRecoveryCodes } from '../second-factor/recovery-code.ts';
import {
  dropIdleRecoveryCodes,
  listFactorMethods,
  replaceRecoveryCodes,
} from '../second-factor/second-factor-queries.ts';
import type { Tables } from '../tables.ts';
import { lockUser } from '../users/user-queries.ts';
import { spendChallenge } from './challenge-queries.ts';
import { mostPasskeys, viewPasskey } from './passkey.ts';
import { tooMany } from './passkey-options.ts';
import { deletePasskey, insertPasskey, listCredentials } from './passkey-queries.ts';
import type { Registration } from './passkey-schemas.ts';
import { claimedChallenge, verifyRegistration } from './verify-passkey.ts';

/** Who adds a passkey, and the request for its replays. */
export interface AddingCaller extends Caller {
  /** uuid */
  sessionId: string;
  key: string | undefined;
  fingerprint: Buffer;
}

/** The passkey that somebody adds. */
export interface PasskeyOrder {
  name: string;
  credential: Registration;
}

type AddResources = Pick<Resources, 'db' | 'secrets' | 'relyingParty'>;

/**
 * Adds a passkey to the caller, as the answer to a challenge of this very session. The first second factor of a user comes
 * with recovery codes, shown only here and in replays; so the kept answer is encrypted.
 *
 * @throws ProblemError validation_failed at /credential, conflict when it is known or one too many
 */
export async function addPasskey(
  resources: AddResources,
  caller: AddingCaller,
  order: PasskeyOrder,
): Promise<IdempotentAnswer> {
  const { db, secrets } = resources;
  const user = formatId('usr', caller.userId);
  const challenge = claimedChallenge(order.credential.response.clientDataJSON);
  const sealing = { sealingKey: secrets.keptAnswers, context: `passkey ${user} ${caller.key ?? ''}` };
  const call = { caller: user, key: caller.key, fingerprint: caller.fingerprint, ...sealing };
  try {
    return await runSealed(db, call, async (tx) => ({
      status: 201,
      body: await storePasskey(resources, tx, caller, { ...order, challenge }),
    }));
  } catch (error) {
    // The transaction that spent it is undone: a challenge is good for one answer, also for a wrong one.
    if (error instanceof ProblemError && challenge !== undefined) {
      await spendChallenge(db, { purpose: 'register', sessionId: caller.sessionId }, challenge);
    }
    throw error;
  }
}

/**
 * Removes one of the caller's passkeys. With the last second factor go the recovery codes: a password is enough then.
 *
 * @throws ProblemError not_found for a passkey that is not there or another user's
 */
export async function removePasskey({ db }: Pick<Resources, 'db'>, caller: Caller, passkeyId: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const user = await lockUser(tx, caller.userId);
    if (user === undefined || !(await deletePasskey(tx, caller.userId, passkeyId))) throw notFound();
    await dropIdleRecoveryCodes(tx, caller.userId);
    await queueMail(tx, 'passkey_removed', caller.userId);
    await recordChange(tx, caller, 'passkey.removed', passkeyId);
  });
}

async function storePasskey(
  { secrets, relyingParty }: Omit<AddResources, 'db'>,
  tx: Transaction<Tables>,
  caller: AddingCaller,
  { name, credential, challenge }: PasskeyOrder & { challenge: string | undefined },
) {
  const { userId, sessionId } = caller;
  const user = await lockUser(tx, userId);
  // No passkey slips past a user being disabled.
  if (user?.status !== 'active') throw sessionOver();
  if (challenge === undefined || !(await spendChallenge(tx, { purpose: 'register', sessionId }, challenge))) {
    throw notAccepted();
  }
  const verified = await verifyRegistration(relyingParty, credential, challenge);
  if (verified === undefined) throw notAccepted();
  if ((await listCredentials(tx, userId)).length >= mostPasskeys) throw tooMany();
  const isFirstFactor = (await listFactorMethods(tx, userId)).length === 0;
  const transports = credential.response.transports ?? [];
  const passkey = await insertPasskey(tx, userId, { id: newUuid(), name, transports, ...verified });
  if (passkey === undefined) throw conflict('This passkey is known already.');
  await queueMail(tx, 'passkey_added', userId);
  await recordChange(tx, caller, 'passkey.added', passkey.id);
  if (!isFirstFactor) return viewPasskey(passkey);
  const recoveryCodes = newRecoveryCodes();
  const hashes = recoveryCodes.map((code) => hashRecoveryCode(secrets.recoveryCodes, userId, code));
  await replaceRecoveryCodes(tx, userId, hashes);
  return { ...viewPasskey(passkey), recoveryCodes };
}

async function recordChange(
  tx: Transaction<Tables>,
  { userId, ip }: Caller,
  action: 'passkey.added' | 'passkey.removed',
  passkeyId: string,
): Promise<void> {
  const user = formatId('usr', userId);
  await recordAudit(tx, { actor: user, action, resource: user, details: { passkey: formatId('pky', passkeyId) }, ip });
}

/** One answer for every registration that proves nothing. */
function notAccepted(): ProblemError {
  return invalidField('/credential', 'is not a passkey that was just made for this session, here and by its owner');
}
