import { formatId } from '@florin/service';
import type { LedgerAccount } from '../engine/command.ts';

// Few, so that they stay in the processor's cache: a transaction needs each of its ids several times in a row.
const remembered = 1_000;
const texts = { acc: new Map<string, string>(), usr: new Map<string, string>() };

function rememberedId(prefix: 'acc' | 'usr', uuid: string): string {
  const known = texts[prefix].get(uuid);
  if (known !== undefined) return known;
  if (texts[prefix].size >= remembered) texts[prefix].clear();
  const text = formatId(prefix, uuid);
  texts[prefix].set(uuid, text);
  return text;
}

/** How the world names a ledger account: `acc_…`, or the public name of one of the bank's own, `external:sandbox`. */
export function accountName(account: Pick<LedgerAccount, 'id' | 'name'>): string {
  return account.name ?? rememberedId('acc', account.id);
}

/** `usr_…` of a ledger account's owner, null for the bank's own accounts. */
export function ownerName(ownerId: string | null): string | null {
  return ownerId === null ? null : rememberedId('usr', ownerId);
}
