import { bytesColumn, type Database, seal, textColumn, unseal, uuidColumn } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { secretContext, type WebhookKeys } from './endpoint-secrets.ts';

/** What the old key gives and what the new one. */
export interface KeyChange {
  readonly from: WebhookKeys;
  readonly to: WebhookKeys;
}

const rowsPerStatement = 1_000;

/**
 * Encrypts anew what is encrypted under the old key, and says how many values that were. What the new key opens already stays, and
 * so does what neither opens: several may do it at once, and again.
 */
export async function changeSecretsKey(
  db: Database<Tables>,
  change: KeyChange,
): Promise<{ secrets: number; keptAnswers: number }> {
  return { secrets: await changeSecrets(db, change), keptAnswers: await changeKeptAnswers(db, change) };
}

async function changeSecrets(db: Database<Tables>, { from, to }: KeyChange): Promise<number> {
  let changed = 0;
  let after = { endpoint_id: '00000000-0000-0000-0000-000000000000', id: '00000000-0000-0000-0000-000000000000' };
  for (;;) {
    const { rows } = await sql<{ endpoint_id: string; id: string; sealed: Buffer }>`
      select endpoint_id, id, sealed from webhook_secrets where (endpoint_id, id) > (${after.endpoint_id}, ${after.id})
      order by endpoint_id, id limit ${rowsPerStatement}`.execute(db);
    const anew = rows.flatMap(({ endpoint_id, id, sealed }) => {
      const text = resealed(from.endpointSecrets, to.endpointSecrets, [secretContext(endpoint_id)], sealed);
      return text ? [{ endpoint_id, id, sealed: text }] : [];
    });
    changed += anew.length;
    if (anew.length > 0) {
      await sql`update webhook_secrets as secret set sealed = new.sealed
        from unnest(${uuidColumn(anew.map((row) => row.endpoint_id))}::uuid[], ${uuidColumn(anew.map(({ id }) => id))}::uuid[],
          ${bytesColumn(anew.map(({ sealed }) => sealed))}::bytea[]) as new (endpoint_id, id, sealed)
        where secret.endpoint_id = new.endpoint_id and secret.id = new.id`.execute(db);
    }
    const last = rows.at(-1);
    if (!last) return changed;
    after = last;
  }
}

/** Only answers that hold a secret are encrypted: those are a JSON string in base64, all others an object. */
async function changeKeptAnswers(db: Database<Tables>, { from, to }: KeyChange): Promise<number> {
  const { rows } = await sql<{
    caller: string;
    key: string;
    body: string;
  }>`select caller, key, body from idempotency_keys
    where body ~ '^"[A-Za-z0-9+/]+=*"$'`.execute(db);
  const anew = rows.flatMap(({ caller, key, body }) => {
    const sealed = Buffer.from(String(JSON.parse(body)), 'base64');
    const contexts = ['endpoint', 'secret'].map((what) => `webhook ${what} ${caller} ${key}`);
    const text = resealed(from.keptAnswers, to.keptAnswers, contexts, sealed);
    return text ? [{ caller, key, body: JSON.stringify(text.toString('base64')) }] : [];
  });
  if (anew.length > 0) {
    await sql`update idempotency_keys as kept set body = new.body
      from unnest(${textColumn(anew.map(({ caller }) => caller))}::text[], ${textColumn(anew.map(({ key }) => key))}::text[],
        ${textColumn(anew.map(({ body }) => body))}::text[]) as new (caller, key, body)
      where kept.caller = new.caller and kept.key = new.key`.execute(db);
  }
  return anew.length;
}

/** Under the new key what the old one opens with one of the contexts. */
function resealed(from: Buffer, to: Buffer, contexts: readonly string[], sealed: Buffer): Buffer | undefined {
  for (const context of contexts) {
    const plain = opened(from, context, sealed);
    if (plain) return seal(to, context, plain);
  }
  return undefined;
}

function opened(key: Buffer, context: string, sealed: Buffer): Buffer | undefined {
  try {
    return unseal(key, context, sealed);
  } catch {
    return undefined;
  }
}
