import { setTimeout as sleep } from 'node:timers/promises';
import { authPlugin } from '@florin/auth';
import type { TestIssuer } from '@florin/auth/testing';
import { body, createServer, idSchema, problem } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import Type from 'typebox';

/** How the ledger behaves: `lost` does what it is asked and breaks the connection. */
export type LedgerBehaviour = 'up' | 'unavailable' | 'lost';

interface LedgerAccountState {
  status: string;
  version: number;
}

const limit = Type.Union([Type.String(), Type.Null()]);

type LimitsTold = Record<'perTransaction' | 'daily' | 'monthly', string | null>;

/** A ledger that knows only accounts: a real server with the internal contract of the real one. */
export interface TestLedger {
  url: string;
  behaviour: LedgerBehaviour;
  /** Thinks so long before it does anything. */
  delayMs: number;
  accounts: Map<string, LedgerAccountState>;
  /** As last told, whatever came of it. */
  limits: Map<string, LimitsTold>;
  /** Ids of accounts with money on them. */
  filled: Set<string>;
  /** Every call that came in, as `acc_… status version`. */
  calls: string[];
  close(): Promise<void>;
}

const account = body({
  owner: idSchema('usr'),
  currency: Type.String(),
  accountNumber: Type.String(),
  status: Type.Union([Type.Literal('active'), Type.Literal('frozen'), Type.Literal('closed')]),
  limits: body({ perTransaction: limit, daily: limit, monthly: limit }),
  version: Type.Integer({ minimum: 1 }),
});

/** Starts one on a free port. It wants service tokens of `issuer` for the audience `transactions`. */
export async function startTestLedger(issuer: TestIssuer): Promise<TestLedger> {
  const app = createServer({ name: 'ledger', logger: createLogger({ service: 'ledger', level: 'silent' }) });
  authPlugin(app, { keys: issuer.keys, issuer: issuer.issuer, serviceName: 'transactions' });
  const ledger: TestLedger = {
    url: '',
    behaviour: 'up',
    delayMs: 0,
    accounts: new Map(),
    limits: new Map(),
    filled: new Set(),
    calls: [],
    close: () => app.close(),
  };
  const schema = { params: body({ id: idSchema('acc') }), body: account };
  app.put(
    '/internal/ledger-accounts/:id',
    { schema, config: { access: { services: ['accounts'] } } },
    async (request, reply) => {
      const { id } = request.params;
      const { status, version } = request.body;
      ledger.calls.push(`${id} ${status} ${version}`);
      if (ledger.behaviour === 'unavailable') throw problem('upstream_unavailable', 'Not now.');
      if (ledger.delayMs > 0) await sleep(ledger.delayMs);
      put(ledger, id, { status, version });
      ledger.limits.set(id, request.body.limits);
      if (ledger.behaviour === 'lost') {
        reply.hijack();
        request.raw.socket.destroy();
        return;
      }
      return ledger.accounts.get(id);
    },
  );
  ledger.url = await app.listen({ host: '127.0.0.1', port: 0 });
  return ledger;
}

/** Newer versions win; a closing is refused while there is money on the account. */
function put(ledger: TestLedger, id: string, next: LedgerAccountState): void {
  if ((ledger.accounts.get(id)?.version ?? 0) >= next.version) return;
  if (next.status === 'closed' && ledger.filled.has(id)) throw problem('account_not_empty', 'Money is on it.');
  ledger.accounts.set(id, next);
}
