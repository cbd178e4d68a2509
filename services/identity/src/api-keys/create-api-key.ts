import { newApiKeySecret, type Scope } from '@florin/auth';
import { type IdempotentAnswer, runSealed, type Transaction } from '@florin/database';
import { formatId, newUuid, problem } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { invalidField, sessionOver } from '../errors.ts';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { hashSecret } from '../tokens/service-clients.ts';
import { lockActiveUser } from '../users/user-queries.ts';
import { type ApiKey, prefixOf, viewApiKey } from './api-key.ts';
import { insertApiKey } from './api-key-queries.ts';
import { isIpRule } from './ip-rules.ts';

/** The key that somebody wants. */
export interface ApiKeyOrder {
  name: string;
  scopes: Scope[];
  /** RFC 3339 */
  expiresAt?: string;
  allowedIps?: string[];
}

/** Who orders, with what a token of theirs may do, and the request for its replays. */
export interface OrderingCaller extends Caller {
  scopes: readonly Scope[];
  key: string | undefined;
  fingerprint: Buffer;
}

/**
 * Makes an API key; its secret is in the answer and, as SHA-256, in the table.
 *
 * A replay gives the same body, secret included, or a client whose answer was lost would have to guess which key to
 * revoke. So the kept answer is encrypted: whoever reads the database finds no secret that works.
 *
 * @throws ProblemError insufficient_scope, validation_failed
 */
export async function createApiKey(
  { db, secrets }: Pick<Resources, 'db' | 'secrets'>,
  caller: OrderingCaller,
  order: ApiKeyOrder,
): Promise<IdempotentAnswer> {
  const user = formatId('usr', caller.userId);
  const sealing = { sealingKey: secrets.keptAnswers, context: `${user} ${caller.key ?? ''}` };
  const call = { caller: user, key: caller.key, fingerprint: caller.fingerprint, ...sealing };
  return await runSealed(db, call, async (tx) => ({ status: 201, body: await makeKey(tx, caller, order) }));
}

async function makeKey(tx: Transaction<Tables>, caller: OrderingCaller, order: ApiKeyOrder) {
  // No key slips past a user being disabled.
  if (!(await lockActiveUser(tx, caller.userId))) throw sessionOver();
  const createdAt = new Date();
  const expiresAt = checkOrder(caller, order, createdAt);
  const secret = newApiKeySecret();
  const key: ApiKey = {
    id: newUuid(),
    name: order.name,
    scopes: order.scopes,
    prefix: prefixOf(secret),
    allowedIps: order.allowedIps ?? null,
    createdAt,
    expiresAt,
    lastUsedAt: null,
  };
  await insertApiKey(tx, caller.userId, { ...key, secretHash: hashSecret(secret) });
  const { id, name, scopes, prefix, ...times } = viewApiKey(key);
  // Not the name: people write what they like there, and an entry cannot be taken back.
  const details = { scopes, allowedIps: times.allowedIps, expiresAt: times.expiresAt };
  await recordAudit(tx, {
    actor: formatId('usr', caller.userId),
    action: 'api_key.created',
    resource: id,
    details,
    ip: caller.ip,
  });
  return { id, name, scopes, prefix, secret, ...times };
}

/** Says until when the key lives. Here and not before the idempotency key is looked at: a replay may come after that time. */
function checkOrder(caller: OrderingCaller, order: ApiKeyOrder, now: Date): Date | null {
  const missing = order.scopes.filter((scope) => !caller.scopes.includes(scope));
  if (missing.length > 0) throw problem('insufficient_scope', `You have no ${missing.join(', ')} to give to a key.`);
  const badRule = order.allowedIps?.findIndex((rule) => !isIpRule(rule)) ?? -1;
  if (badRule >= 0)
    throw invalidField(`/allowedIps/${badRule}`, 'must be an IP address or a network such as 10.0.0.0/8');
  if (order.expiresAt === undefined) return null;
  const expiresAt = new Date(order.expiresAt);
  // A leap second is a time for the schema, but not for Date.
  if (Number.isNaN(expiresAt.getTime()) || expiresAt <= now) throw invalidField('/expiresAt', 'must lie in the future');
  return expiresAt;
}
