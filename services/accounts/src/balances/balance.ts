import { currencyScale } from '@florin/money';

/** The part of a posting that the projection is made of. `account` is a TypeID, or the name of one of the bank's own. */
export interface PostedEntry {
  account: string;
  /** Null for the bank's own accounts. */
  owner: string | null;
  currency: string;
  /** Decimals with the currency's full scale, negative where the account owes. */
  balanceAfter: string;
  heldAfter: string;
  /** Counts the changes of what is held; missing in events from before there were holds. */
  heldVersion?: number;
  /** Counts the account's entries from 1. */
  version: number;
}

/** The part of a hold's event that the projection is made of. */
export interface HeldReport {
  hold: { account: string; currency: string };
  heldAfter: string;
  heldVersion: number;
}

/**
 * An account's balance as one report tells it, in minor units. `posted` is as of entry `version`, `held` as of change
 * `heldVersion`; each may be the newest there is while the other is not. A version of 0 says that the report knows nothing
 * of that part.
 */
export interface ReportedBalance {
  account: string;
  posted: bigint;
  version: number;
  held: bigint;
  heldVersion: number;
  /** When it was so; RFC 3339. */
  asOf: string;
}

/** The newest of each customer's account in a batch of reports; their order and repeats don't matter. */
export function newest(reports: readonly ReportedBalance[]): ReportedBalance[] {
  const merged = new Map<string, ReportedBalance>();
  for (const report of reports) {
    const seen = merged.get(report.account);
    if (seen === undefined) {
      merged.set(report.account, report);
      continue;
    }
    const { posted, version } = report.version > seen.version ? report : seen;
    const { held, heldVersion } = report.heldVersion > seen.heldVersion ? report : seen;
    const isNews = version > seen.version || heldVersion > seen.heldVersion;
    const asOf = isNews && report.asOf > seen.asOf ? report.asOf : seen.asOf;
    merged.set(report.account, { account: report.account, posted, version, held, heldVersion, asOf });
  }
  return [...merged.values()];
}

/** What events about holds tell of balances. `asOf`: the time of each event. */
export function heldBalances(reports: readonly { asOf: string; data: HeldReport }[]): ReportedBalance[] {
  return newest(
    reports.map(({ asOf, data: { hold, heldAfter, heldVersion } }) => ({
      account: hold.account,
      posted: 0n,
      version: 0,
      held: readSigned(heldAfter, hold.currency),
      heldVersion,
      asOf,
    })),
  );
}

/** The newest balance of each customer's account in a batch of postings; their order and repeats don't matter. */
export function newestBalances(
  postings: readonly { transaction: { postedAt: string }; entries: readonly PostedEntry[] }[],
): ReportedBalance[] {
  const reports: ReportedBalance[] = [];
  for (const { transaction, entries } of postings) {
    for (const entry of entries) {
      if (entry.owner === null) continue;
      reports.push({
        account: entry.account,
        posted: readSigned(entry.balanceAfter, entry.currency),
        version: entry.version,
        held: readSigned(entry.heldAfter, entry.currency),
        heldVersion: entry.heldVersion ?? 0,
        asOf: transaction.postedAt,
      });
    }
  }
  return newest(reports);
}

/**
 * Reads a balance, `"-12.50"`, into minor units, `-1250n`.
 *
 * @throws {RangeError} when it has more decimals than the currency
 */
export function readSigned(text: string, currency: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  const scale = currencyScale(currency);
  if (fraction.length > scale) throw new RangeError(`A balance in ${currency} has ${fraction.length} decimals`);
  return BigInt(whole + fraction.padEnd(scale, '0'));
}
