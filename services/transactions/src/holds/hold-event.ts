import { holdCaptured, holdCreated, holdExpired, holdVoided } from '@florin/contracts';
import { newEvent, type SerializedEvent, serialize } from '@florin/database';
import { formatAmount } from '@florin/money';
import { formatId, formatInstant } from '@florin/service';
import type { Context } from '@opentelemetry/api';
import { ownerName } from '../accounts/public-id.ts';
import type { LedgerAccount } from '../engine/command.ts';
import { available } from '../engine/entries.ts';
import type { Hold } from '../engine/hold.ts';

const definitions = { active: holdCreated, captured: holdCaptured, voided: holdVoided, expired: holdExpired };

/**
 * The event that tells of a hold in its new state, written for a Decision. `account` is the hold's account with
 * the whole decision counted in, entries too.
 */
export function holdEvent(hold: Hold, account: LedgerAccount, trace: Context): SerializedEvent {
  const { currency } = hold;
  const id = formatId('hld', hold.id);
  const owner = ownerName(account.ownerId);
  if (owner === null) throw new Error('Holds are on accounts of customers');
  const data = {
    hold: {
      id,
      account: formatId('acc', hold.accountId),
      owner,
      to: hold.toAccountId === null ? null : formatId('acc', hold.toAccountId),
      purpose: hold.purpose,
      amount: formatAmount(hold.amount, currency),
      captured: formatAmount(hold.capturedAmount, currency),
      currency,
      status: hold.status,
      expiresAt: hold.expiresAt && formatInstant(hold.expiresAt),
      createdAt: formatInstant(hold.createdAt),
    },
    heldAfter: formatAmount(account.held, currency),
    heldVersion: Number(account.heldVersion),
    availableAfter: formatAmount(available(account), currency),
  };
  const facts = { source: 'florin/transactions', subject: id, time: hold.updatedAt, trace, data };
  return serialize(newEvent(definitions[hold.status], facts));
}
