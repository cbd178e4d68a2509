import { formatId, problem } from '@florin/service';
import { chainAuditEntries } from '../audit/chain-audit-entries.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { sessionOver } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { viewUserForStaff } from '../users/user.ts';
import { findUser } from '../users/user-queries.ts';
import { findSignInFacts } from './export-queries.ts';
import { ownSections } from './own-sections.ts';
import { remotePages } from './remote-pages.ts';

/** Name and version of the form. Fields may be added; anything else is a new version. */
export const exportFormat = 'florin.export.v1';

/** What the other services keep: where it lies, by the name that it has in the export. */
const remoteLists = [
  ['accounts', 'accounts', '/v1/accounts'],
  ['payees', 'accounts', '/v1/payees'],
  ['transactions', 'transactions', '/v1/transactions'],
  ['holds', 'transactions', '/v1/holds'],
  ['payments', 'transactions', '/internal/own-payments'],
  ['notifications', 'notification', '/v1/notifications'],
  ['webhookEndpoints', 'notification', '/v1/webhook-endpoints'],
  ['webhookDeliveries', 'notification', '/internal/own-webhook-deliveries'],
] as const;

type Pages = AsyncGenerator<readonly unknown[]>;

/** A list of the export, its first page already read. */
interface Section {
  name: string;
  first: readonly unknown[];
  rest: Pages;
}

/** The person who asks, with the `Authorization` of the request. */
export interface ExportCaller extends Caller {
  authorization: string;
}

/**
 * Begins an export of everything that the fleet keeps of the caller: the parts of one JSON document, one after the
 * other, of which no more than a page of each list is in memory. It reads while it is read from.
 *
 * When it resolves, every service has given its first page. What fails later is thrown by the iteration: the document
 * then ends in the middle, and is not JSON.
 *
 * @throws ProblemError upstream_unavailable when a service does not answer
 */
export async function beginExport(
  resources: Pick<Resources, 'db' | 'services'>,
  caller: ExportCaller,
  signal: AbortSignal,
): Promise<AsyncGenerator<string>> {
  const { db } = resources;
  const [user, signIn] = [await findUser(db, caller.userId), await findSignInFacts(db, caller.userId)];
  if (user === undefined || signIn === undefined) throw sessionOver();
  const usr = formatId('usr', user.id);
  await recordAudit(db, { actor: usr, action: 'user.exported', resource: usr, ip: caller.ip });
  // The export shows what happened before it, not what a background job had time for.
  await chainAuditEntries(db);
  const sections = await Promise.all(listsOf(resources, caller, signal).map(([name, pages]) => begin(name, pages)));
  const head = {
    format: exportFormat,
    exportedAt: new Date().toISOString(),
    profile: { ...viewUserForStaff(user), emailVerifiedAt: user.emailVerifiedAt?.toISOString() ?? null },
    signIn: {
      passwordChangedAt: signIn.passwordChangedAt.toISOString(),
      secondFactorSince: signIn.secondFactorSince?.toISOString() ?? null,
      recoveryCodesLeft: signIn.recoveryCodesLeft,
    },
  };
  return write(head, sections);
}

function listsOf(
  { db, services }: Pick<Resources, 'db' | 'services'>,
  { userId, authorization }: ExportCaller,
  signal: AbortSignal,
): [string, Pages][] {
  const remote = remoteLists.map(([name, service, path]): [string, Pages] => [
    name,
    remotePages({ url: new URL(path, services[service]), authorization, signal }),
  ]);
  return [...ownSections({ db }, userId), ...remote];
}

async function begin(name: string, rest: Pages): Promise<Section> {
  try {
    const { value } = await rest.next();
    return { name, first: value ?? [], rest };
  } catch (cause) {
    const detail = 'Not all that is kept of you can be read just now; try again shortly.';
    throw problem('upstream_unavailable', detail, { retryAfterSeconds: 5, cause });
  }
}

async function* write(head: object, sections: readonly Section[]): AsyncGenerator<string> {
  yield JSON.stringify(head).slice(0, -1);
  for (const { name, first, rest } of sections) {
    yield `,\n${JSON.stringify(name)}:[`;
    let separator = '\n';
    for await (const items of pagesOf(first, rest)) {
      if (items.length === 0) continue;
      yield separator + items.map((item) => JSON.stringify(item)).join(',\n');
      separator = ',\n';
    }
    yield ']';
  }
  yield '}\n';
}

async function* pagesOf(first: readonly unknown[], rest: Pages): Pages {
  yield first;
  yield* rest;
}
