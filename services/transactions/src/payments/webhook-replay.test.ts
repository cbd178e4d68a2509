import { newUuid, type Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import type { TestDatabase } from '@florin/testing';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { buildApp } from '../app.ts';
import type { PaymentState } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { noDeliveries } from '../testing/no-deliveries.ts';
import type { PaymentProvider } from './providers/provider.ts';
import type { Payments } from './start-payments.ts';
import { chargeEvent, deliver } from './testing/provider-webhooks.ts';
import { freePort } from './testing/sandbox-process.ts';
import {
  createLedgerDatabase,
  deposit,
  ledgerTotal,
  openLedger,
  read,
  type TestLedger,
} from './testing/test-ledger.ts';

let database: TestDatabase;
let ledger: TestLedger;

// Nothing listens where the provider should be: the webhooks here are made by the test.
beforeAll(async () => {
  database = await createLedgerDatabase();
  ledger = await openLedger({ databaseUrl: database.url, providerUrl: `http://127.0.0.1:${await freePort()}` });
});

afterAll(async () => {
  await ledger?.close();
  await database?.drop();
});

afterEach(async () => {
  for (const total of await ledgerTotal(ledger)) expect(total).toMatch(/ 0$/);
});

/** Brings webhooks to an app; the statuses of its answers. */
type Replay = (app: Server, text: string) => Promise<number[]>;

const several = async (answers: (() => ReturnType<typeof deliver>)[]) => {
  const statuses: number[] = [];
  for (const answer of answers) statuses.push((await answer()).statusCode);
  return statuses;
};

const repeats: [name: string, replay: Replay][] = [
  ['the same bytes again', (app, text) => several([() => deliver(app, text), () => deliver(app, text)])],
  [
    'sent again a minute later, signed anew',
    (app, text) =>
      several([() => deliver(app, text, { at: Date.now() - 60_000 }), () => deliver(app, text, { id: 'evt_2' })]),
  ],
  [
    'fifty at once',
    async (app, text) => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(app, text)));
      return answers.map(({ statusCode }) => statusCode);
    },
  ],
];

const untimely: [name: string, aside: number][] = [
  ['more than five minutes old', -310_000],
  ['a day old', -86_400_000],
  ['from more than five minutes ahead', 310_000],
];

/** Asks for a deposit of 12.50 and brings its webhooks; what came of them. */
async function outcomeOf(app: Server, replay: Replay) {
  const account = await ledger.openAccount();
  const id: string = (await deposit(ledger, { account })).json().id;
  const statuses = await replay(app, chargeEvent(id));
  const { posted } = await read(ledger, `/v1/accounts/${account}/balance`);
  return { answers: [...new Set(statuses)], posted };
}

const postedOnce = { answers: [200], posted: '12.50' };
const refused = { answers: [401], posted: '0.00' };
const once =
  (aside: number): Replay =>
  (app, text) =>
    several([() => deliver(app, text, { at: Date.now() + aside })]);

describe('a captured webhook', () => {
  test.each(repeats)('%s: 200 and no second effect', async (_name, replay) => {
    expect(await outcomeOf(ledger.app, replay)).toEqual(postedOnce);
  });

  test.each(untimely)('%s: 401 and no effect', async (_name, aside) => {
    expect(await outcomeOf(ledger.app, once(aside))).toEqual(refused);
  });
});

/** The service's app with a fault of the test's own in its payments. */
function withFault(fault: Partial<Payments>): Server {
  const app = buildApp({
    logger: createLogger({ service: 'transactions', level: 'silent' }),
    db: ledger.db,
    engine: ledger.engine,
    payments: { ...ledger.payments, ...fault },
    deliveries: noDeliveries,
    keys: ledger.issuer.keys,
    tokenIssuer: ledger.issuer.issuer,
  });
  onTestFinished(() => app.close());
  return app;
}

/** Does not remember which payments have ended: every report finds its own pending, and posts a transaction more. */
function forgetful(engine: PostingEngine): PostingEngine {
  const pending = (payment: PaymentState | undefined) => payment && { ...payment, status: 'pending' as const };
  return {
    ...engine,
    submit: (command) =>
      engine.submit({
        ...command,
        id: newUuid(),
        decide: (state) => {
          const decision = command.decide({ ...state, payment: (id) => pending(state.payment(id)) });
          if (decision.outcome === 'refused') return decision;
          const transactions = decision.transactions.map((transaction) => ({ ...transaction, id: newUuid() }));
          return { ...decision, transactions, payments: [] };
        },
      }),
  };
}

/** Believes every time that is signed. */
function timeless(provider: PaymentProvider): PaymentProvider {
  return {
    ...provider,
    readWebhook: (headers, rawBody) =>
      provider.readWebhook(headers, rawBody, new Date(Number(headers['webhook-timestamp']) * 1_000)),
  };
}

describe('control: the same look finds', () => {
  test.each(repeats)('a ledger that does not remember: %s', async (_name, replay) => {
    const app = withFault({ access: { ...ledger.payments.access, engine: forgetful(ledger.engine) } });
    const { answers, posted } = await outcomeOf(app, replay);
    expect(answers).toEqual([200]);
    expect(Number(posted)).toBeGreaterThanOrEqual(25);
  });

  test.each(untimely)('a provider whose signatures stay good: %s', async (_name, aside) => {
    const providers = new Map([...ledger.payments.providers].map(([name, provider]) => [name, timeless(provider)]));
    expect(await outcomeOf(withFault({ providers }), once(aside))).toEqual(postedOnce);
  });
});
