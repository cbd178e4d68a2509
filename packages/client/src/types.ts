/** A page of a list, newest first. `nextCursor` is null on the last one. */
export interface Page<Item> {
  data: Item[];
  nextCursor: string | null;
}

/** How much of a list to get: 1..100 items (default 25), from where the page before ended. */
export interface PageQuery {
  limit?: number;
  cursor?: string;
}

export type Role = 'customer' | 'operator' | 'auditor' | 'admin';

export interface User {
  id: string;
  email: string;
  name: string;
  roles: Role[];
  emailVerified: boolean;
  createdAt: string;
}

/** What a login answers. `expiresIn` counts seconds. */
export interface Tokens {
  accessToken: string;
  tokenType: 'Bearer';
  expiresIn: number;
  refreshToken: string;
}

export type AccountType = 'checking' | 'savings' | 'goal';

export type AccountStatus = 'pending' | 'active' | 'frozen' | 'closed';

/** Amounts are plain decimal strings with the currency's full scale, such as "12.50". */
export interface Account {
  id: string;
  name: string;
  type: AccountType;
  currency: string;
  status: AccountStatus;
  accountNumber: string;
  owner: string;
  balance: { posted: string; held: string; available: string; asOf: string };
  goal?: { amount: string; dueDate?: string };
  createdAt: string;
}

export interface Balance {
  account: string;
  currency: string;
  posted: string;
  held: string;
  available: string;
  asOf: string;
}

export type TransactionStatus = 'pending' | 'pending_approval' | 'posted' | 'failed' | 'rejected';

export type TransactionType = 'transfer' | 'deposit' | 'withdrawal' | 'reversal' | 'conversion' | 'fee' | 'interest';

/** `balanceAfter` and `version` only on entries of the caller's own accounts. */
export interface Entry {
  account: string;
  amount: string;
  balanceAfter?: string;
  version?: number;
}

export interface Transaction {
  id: string;
  type: TransactionType;
  status: TransactionStatus;
  amount: string;
  currency: string;
  from: string | null;
  to: string | null;
  description?: string | null;
  metadata?: Record<string, unknown> | null;
  entries: Entry[];
  failure?: { code: string; message: string } | null;
  createdAt: string;
  postedAt?: string | null;
  effectiveAt?: string | null;
}

export interface Notification {
  id: string;
  /** What happened, such as `transaction.posted`. */
  topic: string;
  title: string;
  body: string;
  /** Ids of what it is about. */
  data: Record<string, unknown>;
  createdAt: string;
  readAt: string | null;
}

export interface Registration {
  email: string;
  password: string;
  name: string;
  locale?: string;
}

export interface Credentials {
  email: string;
  password: string;
  otp?: string;
}

export interface NewAccount {
  name: string;
  currency: string;
  type: AccountType;
  goal?: { amount: string; dueDate?: string };
}

/** `to` is an account's id or its account number. */
export interface NewTransfer {
  from: string;
  to: string;
  amount: string;
  currency: string;
  description?: string;
  metadata?: Record<string, string>;
}

/** `source.token` of the sandbox provider: `tok_ok`, `tok_declined`, … */
export interface NewDeposit {
  account: string;
  amount: string;
  currency: string;
  provider?: string;
  source: { type: string; token: string };
}

export interface TransactionQuery extends PageQuery {
  account?: string;
  type?: TransactionType;
  status?: TransactionStatus;
  from?: string;
  to?: string;
  minAmount?: string;
  maxAmount?: string;
  reference?: string;
}
