import fc from 'fast-check';
import { type Caller, type Currency, currencies, nothing, type TransferWish, type Wish } from './wish.ts';

/** What there is to name in commands; the numbers of wishes are places in these lists. */
export interface Known {
  readonly accounts: readonly { readonly owner: 0 | 1; readonly currency: Currency }[];
  readonly holds: readonly { readonly account: number; readonly to: number | undefined; readonly isOwn: boolean }[];
  readonly transactions: readonly { readonly isTransfer: boolean; readonly to: number | undefined }[];
  readonly waiting: readonly { readonly from: number }[];
  readonly withdrawals: readonly unknown[];
  readonly quotes: readonly { readonly by: 0 | 1; readonly sell: Currency }[];
}

/** A retry of an earlier command under its key; `changed`: with another body, as a client must not. */
export interface Retry {
  readonly kind: 'retry';
  readonly of: number;
  readonly changed: boolean;
}

const kinds = [
  ...(['open', 'change', 'deposit', 'deposit', 'transfer', 'transfer', 'transfer', 'batch', 'hold', 'hold'] as const),
  ...(['capture', 'capture', 'void', 'reverse', 'reverse', 'quote', 'convert', 'convert', 'retry', 'retry'] as const),
  ...(['approve', 'approve', 'reject', 'withdraw', 'withdraw', 'report', 'report', 'wait', 'expire'] as const),
];

/** A command whose names are chosen when it is run, from what there is by then. */
const step = fc.record({
  kind: fc.constantFrom(...kinds),
  first: fc.nat(1_000),
  second: fc.nat(1_000),
  amount: fc.oneof(fc.bigInt(1n, 400n), fc.bigInt(1n, 4_000n), fc.bigInt(1n, 40_000n)),
  /** Small numbers choose what is seldom. */
  luck: fc.nat(23),
  others: fc.array(fc.record({ from: fc.nat(1_000), to: fc.nat(1_000), amount: fc.bigInt(1n, 4_000n) }), {
    minLength: 1,
    maxLength: 5,
  }),
});
export type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What each run begins with: two customers who have money. */
export const opening: readonly Wish[] = [
  { kind: 'open', owner: 0, currency: 'USD' },
  { kind: 'open', owner: 1, currency: 'USD' },
  { kind: 'open', owner: 0, currency: 'EUR' },
  { kind: 'open', owner: 1, currency: 'EUR' },
  { kind: 'deposit', account: 0, amount: 30_000n },
  { kind: 'deposit', account: 1, amount: 50_000n },
  { kind: 'deposit', account: 3, amount: 30_000n },
];

/** What one client does, one after the other. */
export const steps = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(step, { minLength: 1, maxLength, size: 'max' });

/** The wish that the step stands for now. Most are sensible; some name what does not exist, or is another's. */
export function wishOf(wanted: Step, known: Known): Wish | Retry {
  const { first, second, luck } = wanted;
  const kind = possible(wanted.kind, known);
  const amount = kind === 'transfer' && kind !== wanted.kind ? wanted.amount + 12_000n : wanted.amount;
  const account = pick(known.accounts, first, luck === 0);
  const owner = known.accounts[account]?.owner ?? 0;
  const currency = luck === 1 ? 'EUR' : (known.accounts[account]?.currency ?? 'USD');
  const by = callerFor(owner, luck);
  const to = payee(wanted, known, account);
  switch (kind) {
    case 'open':
      return { kind, owner: first % 2 === 0 ? 0 : 1, currency: currencies[second % 2] ?? 'USD' };
    case 'change':
      return changeOf(wanted, first % known.accounts.length);
    case 'deposit':
      return { kind, account: first % known.accounts.length, amount };
    case 'transfer':
      return { kind, by, from: account, to, amount, currency };
    case 'batch':
      return {
        kind,
        by,
        mode: luck % 2 === 0 ? 'atomic' : 'independent',
        transfers: transfersOf(wanted, known, owner),
      };
    case 'hold':
      return { kind, by, account, to: luck === 5 ? undefined : to, amount, currency, expiresIn: lives[second % 4] };
    case 'capture':
    case 'void':
      return endOf(wanted, known, kind);
    case 'approve':
    case 'reject':
      return wordOf(wanted, known, kind);
    case 'withdraw':
      return { kind, by, account, amount, currency };
    case 'report':
      return { kind, withdrawal: pick(known.withdrawals, first, false) };
    case 'wait':
      return { kind, seconds: times[second % 3] ?? 0 };
    case 'expire':
      return { kind };
    case 'reverse':
      return reversalOf(wanted, known);
    case 'quote':
      return { kind, by: owner, sell: currency, amount };
    case 'convert':
      return conversionOf(wanted, known, { from: account, to });
    case 'retry':
      return { kind, of: first, changed: luck < 3 };
  }
}

/** What there is nothing for yet gives way to what it takes: a transfer that has to wait, a withdrawal, a hold, a quote. */
function possible(kind: Step['kind'], { waiting, withdrawals, holds, quotes }: Known): Step['kind'] {
  if ((kind === 'approve' || kind === 'reject') && waiting.length === 0) return 'transfer';
  if (kind === 'report' && withdrawals.length === 0) return 'withdraw';
  if ((kind === 'capture' || kind === 'void') && holds.length === 0) return 'hold';
  return kind === 'convert' && quotes.length === 0 ? 'quote' : kind;
}

/** How long holds last, in seconds; most as long as they do by themselves. */
const lives = [60, 7_200, undefined, undefined];
/** What goes by at once: a quote's life, that of short holds, a day. */
const times = [31, 3_600, 86_400];

/** Mostly another account in the same currency. */
function payee({ second, luck }: Step, { accounts }: Known, from: number): number {
  if (luck === 4 || luck === 6) return pick(accounts, second, luck === 4);
  const others = accounts.flatMap(({ currency }, id) =>
    id !== from && currency === accounts[from]?.currency ? [id] : [],
  );
  return others[second % Math.max(1, others.length)] ?? nothing;
}

function callerFor(owner: 0 | 1, luck: number): Caller {
  if (luck === 2) return 'operator';
  if (luck === 3) return owner === 0 ? 1 : 0;
  return owner;
}

/** A place in the list, or that of nothing. */
function pick(list: readonly unknown[], number: number, missing: boolean): number {
  return missing || list.length === 0 ? nothing : number % list.length;
}

function reversalOf({ first, amount, luck }: Step, known: Known): Wish {
  const transfers = known.transactions.flatMap(({ isTransfer }, id) => (isTransfer || luck === 5 ? [id] : []));
  const transaction = transfers[pick(transfers, first, luck === 0)] ?? nothing;
  const paid = known.transactions[transaction]?.to;
  const by = callerFor(known.accounts[paid ?? 0]?.owner ?? 0, luck);
  return { kind: 'reverse', by, transaction, amount: luck % 2 === 0 ? undefined : amount };
}

function conversionOf({ first, second, luck }: Step, known: Known, any: { from: number; to: number }): Wish {
  const quote = pick(known.quotes, first, luck === 0);
  const { by: holder = 0, sell = 'USD' } = known.quotes[quote] ?? {};
  const own = (sells: boolean, fallback: number) => {
    const fits = known.accounts.flatMap(({ owner, currency }, id) =>
      owner === holder && (currency === sell) === sells ? [id] : [],
    );
    return fits[second % Math.max(1, fits.length)] ?? fallback;
  };
  const ends = luck === 4 ? any : { from: own(true, any.from), to: own(false, any.to) };
  return { kind: 'convert', by: callerFor(holder, luck), quote, ...ends };
}

function wordOf({ first, luck }: Step, known: Known, kind: 'approve' | 'reject'): Wish {
  const waiting = pick(known.waiting, first, luck === 0);
  const own = known.accounts[known.waiting[waiting]?.from ?? 0]?.owner ?? 0;
  return { kind, by: luck < 4 ? own : luck < 10 ? 'employee' : 'operator', waiting };
}

function changeOf({ second, amount, luck }: Step, account: number): Wish {
  const status = (['frozen', 'closed'] as const)[second % 6] ?? 'active';
  if (luck < 12) return { kind: 'change', account, status };
  const limits = {
    perTransaction: luck < 16 ? null : amount * 2n,
    daily: luck % 3 === 0 ? null : amount * 3n,
    monthly: luck % 2 === 0 ? null : amount * 5n,
  };
  return { kind: 'change', account, status, limits };
}

function transfersOf(wanted: Step, known: Known, owner: 0 | 1): TransferWish[] {
  const { others, luck } = wanted;
  const own = known.accounts.flatMap((one, id) => (one.owner === owner ? [id] : []));
  return others.map(({ from, to, amount }) => {
    const id = luck === 6 ? pick(known.accounts, from, false) : (own[from % Math.max(1, own.length)] ?? 0);
    const currency = known.accounts[id]?.currency ?? 'USD';
    return { from: id, to: payee({ ...wanted, second: to }, known, id), amount, currency };
  });
}

function endOf({ first, second, amount, luck }: Step, known: Known, kind: 'capture' | 'void'): Wish {
  const own = known.holds.flatMap(({ isOwn }, id) => (isOwn || luck === 7 ? [id] : []));
  const hold = own[pick(own, first, luck === 0)] ?? nothing;
  const { account = 0, to } = known.holds[hold] ?? {};
  const receiver = luck % 2 === 0 ? account : (to ?? account);
  const by = callerFor(known.accounts[receiver]?.owner ?? 0, luck);
  if (kind === 'void') return { kind, by, hold };
  const chosen = luck === 1 || luck === 8 ? pick(known.accounts, second, false) : undefined;
  return { kind, by, hold, amount: luck % 3 === 0 ? undefined : amount, to: chosen };
}
