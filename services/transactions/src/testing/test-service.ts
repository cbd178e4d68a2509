import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import { formatId, newUuid, parseId, type Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from '../app.ts';
import { startPayments } from '../payments/start-payments.ts';
import { ensureFeesAccounts, openPolicy, type TransferPolicy } from '../transfers/transfer-policy.ts';
import { noDeliveries } from './no-deliveries.ts';
import { startTestLedger, type TestLedger } from './test-ledger.ts';

/** The service's app on a ledger of its own, without a payment provider. */
export interface TestService {
  readonly app: Server;
  readonly ledger: TestLedger;
  readonly issuer: TestIssuer;
  /** A customer, or whoever `user` says. */
  caller(user?: Parameters<TestIssuer['userToken']>[0]): Caller;
  /** Calls the API: `request` is method and path. */
  call(
    caller: Pick<Caller, 'token'>,
    request: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** Opens an account of the caller with `posted` minor units; USD unless told. */
  open(owner: Caller, posted?: bigint, currency?: string): Promise<Opened>;
  close(): Promise<void>;
}

/** Someone with a token. */
export interface Caller {
  readonly uuid: string;
  readonly id: string;
  readonly token: string;
}

/** An account by its public names. */
export interface Opened {
  readonly id: string;
  readonly uuid: string;
  readonly accountNumber: string;
}

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Record<string, unknown>;
  json<Body = Record<string, unknown>>(): Body;
}

/** Starts one; without fees and approvals unless `policy` says so, and without webhooks unless told of `deliveries`. */
export async function startTestService(
  policy: TransferPolicy = openPolicy,
  deliveries = noDeliveries,
): Promise<TestService> {
  const ledger = await startTestLedger();
  await ensureFeesAccounts(ledger.db, policy);
  const issuer = testIssuer();
  const logger = createLogger({ service: 'transactions', level: 'silent' });
  const engine = ledger.engine();
  const payments = startPayments({ db: ledger.db, engine, logger }, { providers: {}, reconcileAfterMs: 30_000 });
  const tokens = { keys: issuer.keys, tokenIssuer: issuer.issuer };
  const app = buildApp({ logger, db: ledger.db, engine, payments, deliveries, policy, ...tokens });
  return {
    app,
    ledger,
    issuer,
    caller: (user = {}) => {
      const uuid = user.userId ?? newUuid();
      return { uuid, id: formatId('usr', uuid), token: issuer.userToken({ ...user, userId: uuid }) };
    },
    call: async (by, request, body, headers = {}) => {
      const [method, url] = request.split(' ');
      const response = await app.inject({
        method: method as 'GET' | 'POST' | 'PUT',
        url: url ?? '',
        headers: { authorization: `Bearer ${by.token}`, ...headers },
        ...(body !== undefined && { payload: body as object }),
      });
      return {
        status: response.statusCode,
        text: response.body,
        headers: response.headers,
        json: <Body>() => response.json() as Body,
      };
    },
    open: async (owner, posted = 0n, currency = 'USD') => {
      const { id, accountNumber } = await ledger.open({ ownerId: owner.uuid, posted, currency });
      return { id: formatId('acc', id), uuid: id, accountNumber };
    },
    close: async () => {
      await app.close();
      await payments.close();
      await ledger.close();
    },
  };
}

/** The uuid of a transaction's public id. */
export function uuidOfTransaction(id: unknown): string {
  const uuid = parseId('txn', String(id));
  if (uuid === undefined) throw new Error(`${id} is no transaction`);
  return uuid;
}
