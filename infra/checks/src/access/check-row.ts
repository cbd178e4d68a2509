import { randomInt, randomUUID } from 'node:crypto';
import { eventually } from '@florin/testing';
import type pg from 'pg';
import type { GatewayRoute } from '../../../../gateway/src/routes.ts';
import { makers } from '../fleet/resources.ts';
import { callOf, type Operation } from '../fuzz/operations.ts';
import { fillPlaceholders } from '../fuzz/placeholders.ts';
import { type Answer, send } from '../fuzz/send.ts';
import { isUsual, type Values } from '../fuzz/values.ts';
import type { Caller, Callers } from './callers.ts';
import { faultOf, type Reply, refusalOf } from './expectations.ts';

/** What rows are checked with. */
export interface Bench {
  readonly gateway: string;
  readonly callers: Callers;
  readonly values: Values;
  /** Reads the ledger's tables. */
  readonly ledger: pg.Client;
}

/** A request of a row, the owner's things as placeholders: `{{acc.own}}`. */
interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
}

/** Fields that a body needs by rules which its schema does not say. */
const neededFields: Readonly<Record<string, object>> = {
  'POST /v1/withdrawals': { destination: { type: 'card', token: 'tok_ok' } },
  // Roles, which come first, are for admins alone to change.
  'PATCH /v1/users/{id}': { roles: undefined, kycLevel: 'basic' },
};

/** Calls the route as everybody and says what is not as the row has it: `an operator: expected 200, got 403 forbidden`. */
export async function faultsOfRow(bench: Bench, route: GatewayRoute, operation: Operation): Promise<string[]> {
  const call = makeCall(bench, operation);
  const scopes = route.access === 'public' ? [] : (route.access.scopes ?? []);
  const faults: string[] = [];
  let nobodys: Reply | undefined;
  let made: Map<string, string> | undefined;
  for (const caller of await bench.callers.of(scopes)) {
    made ??= await ownThings(bench, call);
    const own = made;
    const before = await ledgerMark(bench);
    const answer = await sendAs(bench, caller, call, own);
    const reply = { status: answer.status, code: problemOf(answer)?.code };
    nobodys ??= reply;
    // What one caller has removed is not there for the next.
    if (operation.method === 'DELETE' && answer.status < 300) made = undefined;
    const fault = faultOf(route.access, caller, reply, { namesOwned: own.size > 0, nobodys });
    if (fault !== undefined) faults.push(`${caller.name}: ${fault}`);
    const isRefused = refusalOf(route.access, caller) !== undefined || reply.code === 'not_found';
    if (isRefused && (await ledgerMark(bench)) !== before)
      faults.push(`${caller.name}: refused, yet the ledger changed`);
    if (own.size > 0 && reply.code === 'not_found' && !caller.owns && !caller.isStaff) {
      const missing = await sendAs(bench, caller, call, new Map());
      if (told(missing) !== told(answer)) faults.push(`${caller.name}: told apart from one that does not exist`);
    }
  }
  if (operation.method !== 'GET') {
    await bench.callers.restore();
    await paymentsSettled(bench);
  }
  return faults;
}

function makeCall({ values }: Bench, operation: Operation): Call {
  const { method, path, parameters, body } = operation;
  const named = parameters.filter((parameter) => parameter.in === 'path');
  const filled = named.reduce((whole, { name, schema }) => {
    const value = String(values.smallest(schema, name));
    if (!/^\{\{[a-z]{3}\.own\}\}$/.test(value) && !isUsual(name)) {
      const hint = 'add how to make one to makers in infra/checks/src/fleet/resources.ts, or a usual text to values.ts';
      throw new Error(`${method} ${path}: nothing is known that {${name}} could be, such as ${value}; ${hint}`);
    }
    return whole.replace(`{${name}}`, value);
  }, path);
  const fields = body && { ...(values.smallest(body) as object), ...neededFields[callOf(operation)] };
  return { method, path: filled, body: fields && JSON.stringify(fields) };
}

/** What the placeholders of a call stand for: new things of the owner's, so that no call spoils those of the next. */
async function ownThings({ callers }: Bench, { path, body = '' }: Call): Promise<Map<string, string>> {
  const { owner } = callers;
  const own = new Map<string, string>();
  for (const [, name = ''] of `${path} ${body}`.matchAll(/\{\{([a-z]+\.[a-z]+)\}\}/g)) {
    const [kind = '', whose] = name.split('.');
    const make = makers[kind as keyof typeof makers];
    if (whose === 'own' && kind === 'savings') own.set(name, owner.savings);
    else if (whose === 'own' && make !== undefined) own.set(name, await make(owner));
  }
  return own;
}

async function sendAs({ gateway, callers }: Bench, caller: Caller, call: Call, own: ReadonlyMap<string, string>) {
  const { email, password } = callers.owner;
  const others: Record<string, string> = { 'email.own': email, 'password.own': password, unique: randomUUID() };
  const fill = (text: string) => fillPlaceholders(text, (name) => own.get(name) ?? others[name] ?? missing(name));
  const { method, path, body } = call;
  return await send(gateway, {
    method,
    path: fill(path),
    headers: {
      ...(caller.token && { authorization: `Bearer ${caller.token}` }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: Buffer.from(fill(body)) }),
  });
}

/** An id of that kind that stands for nothing, or a new address. */
function missing(name: string): string {
  const [kind = ''] = name.split('.');
  if (kind === 'email') return `new-${randomUUID()}@example.com`;
  const digits = '0123456789abcdefghjkmnpqrstvwxyz';
  const random = Array.from({ length: 25 }, () => digits.charAt(randomInt(digits.length))).join('');
  return `${kind in makers ? kind : 'acc'}_0${random}`;
}

function problemOf({ headers, text }: Answer): { code: string } | undefined {
  if (!headers['content-type']?.startsWith('application/problem+json')) return undefined;
  return JSON.parse(text) as { code: string };
}

/** What an answer tells, without what differs from request to request. */
function told({ status, text }: Answer): string {
  const ids = text.replaceAll(/[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}/g, 'id');
  return `${status} ${ids.replace(/"traceId":"[0-9a-f]{32}"/, '')}`;
}

/** A text that changes with whatever moves, holds or opens anything in the books. */
async function ledgerMark({ ledger }: Bench): Promise<string> {
  const { rows } = await ledger.query<{ mark: string }>(
    `select concat_ws(' ', (select count(*) from transactions.transactions), (select count(*) from transactions.entries),
       (select count(*) || ' ' || count(*) filter (where status = 'active') from transactions.holds),
       (select sum(version) || ' ' || sum(held) || ' ' || sum(posted * posted) from transactions.ledger_accounts)) as mark`,
  );
  return rows[0]?.mark ?? '';
}

/** Payments end by themselves, when their provider calls: none may do so between two looks at the ledger. */
async function paymentsSettled({ ledger }: Bench): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await ledger.query("select from transactions.payments where status = 'pending'");
      if (rows.length > 0) throw new Error(`${rows.length} payments are still pending`);
    },
    { timeoutMs: 30_000 },
  );
}
