import { planKeeper } from '@florin/database';
import { newUuid } from '@florin/service';
import type { Kysely } from 'kysely';
import type { Tables } from '../tables.ts';
import type { AuditAction, AuditDetails } from './audit-entry.ts';

/** What to write down. */
export interface AuditFacts {
  /** `usr_…` or 'anonymous' or 'system' */
  actor: string;
  action: AuditAction;
  /** TypeID of what it happened to. */
  resource: string;
  details?: AuditDetails;
  /** The client's address, where a client asked for it. */
  ip?: string | undefined;
}

const keepInserting = planKeeper('record-audit');

/**
 * Writes an entry in the transaction of what it tells of: it is there exactly when the change is. It takes no lock, so
 * logins don't wait for each other; `chainAuditEntries` moves it into the chain a moment later.
 */
export async function recordAudit(db: Kysely<Tables>, facts: AuditFacts): Promise<void> {
  await db
    .insertInto('audit_pending')
    .values({
      id: newUuid(),
      at: new Date(),
      actor: facts.actor,
      action: facts.action,
      resource: facts.resource,
      details: JSON.stringify(facts.details ?? {}),
      ip: facts.ip ?? null,
    })
    .$call(keepInserting)
    .execute();
}
