import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Instant, UserId } from '../fields.ts';

/**
 * Somebody's relation to the bank is over and their personal data is to go. The id goes on being known, to the ledger
 * and the audit log; nobody can act under it any more.
 */
export const userErased = defineEvent('identity.user.erased.v1', Type.Object({ user: UserId, erasedAt: Instant }));
