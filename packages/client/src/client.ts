import { ProblemError } from './errors.ts';
import { type ApiRequest, type SendOptions, send } from './send.ts';
import type {
  Account,
  Balance,
  Credentials,
  NewAccount,
  NewDeposit,
  NewTransfer,
  Notification,
  Page,
  PageQuery,
  Registration,
  Tokens,
  Transaction,
  TransactionQuery,
  User,
} from './types.ts';

/** Where the API is and who calls. */
export interface ClientOptions extends SendOptions {
  /** An access token or an API key; `login` sets it too. */
  accessToken?: string;
}

/** Options of every call that changes something. */
export interface WriteOptions {
  /** Made up when missing. Give one of your own to make a call definite over restarts of your program. */
  idempotencyKey?: string;
}

/** The client of one caller. All methods throw ProblemError or UnknownOutcomeError. */
export type Client = ReturnType<typeof createClient>;

/**
 * A client of the public API. After `login` it keeps the tokens and renews them when the access token has expired.
 */
export function createClient(options: ClientOptions) {
  const session = new Session(options);
  const get = <Answer>(path: string, query?: object) => session.call<Answer>({ method: 'GET', path, query });
  const write = <Answer>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, more: WriteOptions = {}) =>
    session.call<Answer>({
      method,
      path,
      body,
      idempotencyKey: method === 'POST' ? (more.idempotencyKey ?? crypto.randomUUID()) : undefined,
    });
  return {
    /** Creates a customer. It does not sign in. */
    register: (body: Registration, more?: WriteOptions) => write<User>('POST', '/v1/auth/register', body, more),
    /** Signs in; later calls are made as this user. */
    login: (credentials: Credentials) => session.login(credentials),
    /** Renews the tokens now. */
    refresh: () => session.refresh(),
    /** Ends the session. */
    logout: () => session.logout(),
    /** The user who is signed in. */
    me: () => get<User>('/v1/me'),
    updateMe: (changes: { name?: string; locale?: string }) => write<User>('PATCH', '/v1/me', changes),
    openAccount: (body: NewAccount, more?: WriteOptions) => write<Account>('POST', '/v1/accounts', body, more),
    accounts: (query?: PageQuery) => get<Page<Account>>('/v1/accounts', query),
    /** With `minVersion` the balance is at least as new as the entry of that version. */
    account: (id: string, query?: { minVersion?: number }) => get<Account>(`/v1/accounts/${segment(id)}`, query),
    updateAccount: (id: string, changes: { name?: string; goal?: NewAccount['goal'] }) =>
      write<Account>('PATCH', `/v1/accounts/${segment(id)}`, changes),
    /** The balance must be zero. */
    closeAccount: (id: string, more?: WriteOptions) =>
      write<Account>('POST', `/v1/accounts/${segment(id)}/close`, undefined, more),
    /** Operators only. */
    freezeAccount: (id: string, reason: string, more?: WriteOptions) =>
      write<Account>('POST', `/v1/accounts/${segment(id)}/freeze`, { reason }, more),
    /** Operators only. */
    unfreezeAccount: (id: string, reason: string, more?: WriteOptions) =>
      write<Account>('POST', `/v1/accounts/${segment(id)}/unfreeze`, { reason }, more),
    /** Straight from the ledger. */
    balance: (id: string) => get<Balance>(`/v1/accounts/${segment(id)}/balance`),
    accountTransactions: (id: string, query?: TransactionQuery) =>
      get<Page<Transaction>>(`/v1/accounts/${segment(id)}/transactions`, query),
    transfer: (body: NewTransfer, more?: WriteOptions) => write<Transaction>('POST', '/v1/transfers', body, more),
    /** Answers with a `pending` transaction; it is posted or fails when the provider has called back. */
    deposit: (body: NewDeposit, more?: WriteOptions) => write<Transaction>('POST', '/v1/deposits', body, more),
    transaction: (id: string) => get<Transaction>(`/v1/transactions/${segment(id)}`),
    transactions: (query?: TransactionQuery) => get<Page<Transaction>>('/v1/transactions', query),
    notifications: (query?: PageQuery & { unread?: boolean }) => get<Page<Notification>>('/v1/notifications', query),
    readNotification: (id: string) => write<Notification>('POST', `/v1/notifications/${segment(id)}/read`),
    readAllNotifications: () => write<unknown>('POST', '/v1/notifications/read-all'),
  };
}

function segment(id: string): string {
  return encodeURIComponent(id);
}

/** The tokens of one caller. */
class Session {
  readonly #options: SendOptions;
  #accessToken: string | undefined;
  #refreshToken: string | undefined;
  #refreshing: Promise<Tokens> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#accessToken = options.accessToken;
  }

  async call<Answer>(request: ApiRequest): Promise<Answer> {
    const used = this.#accessToken;
    try {
      return (await send(this.#options, { ...request, accessToken: used })) as Answer;
    } catch (error) {
      const expired = error instanceof ProblemError && error.code === 'token_expired';
      if (!expired || this.#refreshToken === undefined) throw error;
      // Another call may have renewed it while this one was under way.
      if (used === this.#accessToken) await this.refresh();
      return (await send(this.#options, { ...request, accessToken: this.#accessToken })) as Answer;
    }
  }

  async login(credentials: Credentials): Promise<Tokens> {
    return this.#take(await send(this.#options, { method: 'POST', path: '/v1/auth/login', body: credentials }));
  }

  /** One renewal at a time: the same refresh token spent twice would end the session. */
  refresh(): Promise<Tokens> {
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async logout(): Promise<void> {
    await this.call({ method: 'POST', path: '/v1/auth/logout' });
    this.#accessToken = undefined;
    this.#refreshToken = undefined;
  }

  async #renew(): Promise<Tokens> {
    const body = { refreshToken: this.#refreshToken };
    return this.#take(await send(this.#options, { method: 'POST', path: '/v1/auth/refresh', body }));
  }

  #take(answer: unknown): Tokens {
    const tokens = answer as Tokens;
    this.#accessToken = tokens.accessToken;
    this.#refreshToken = tokens.refreshToken;
    return tokens;
  }
}
