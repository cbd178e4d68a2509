import { setTimeout as wait } from 'node:timers/promises';
import type { Fetch, ServiceTokens } from '@florin/auth';
import { apiKeysRevoked, type CloudEvent, sessionsRevoked } from '@florin/contracts';
import type { Transport } from '@florin/messaging';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { RevokedSession, RevokedSessions } from '../revoked-sessions.ts';

export interface RevocationFeedOptions {
  readonly revoked: RevokedSessions;
  readonly identityUrl: string;
  readonly fetch?: Fetch;
  readonly tokens: ServiceTokens;
  /** Undefined: identity is asked all the time. */
  readonly transport: Transport | undefined;
  readonly onError: (error: unknown) => void;
}

const fetchDeadlineMs = 2_000;
/** Under the second within which a revoked session must end. */
const tickMs = 500;
/** While events come, the list is only read for what a broken connection may have lost unnoticed. */
const listMaxAgeMs = 15_000;

const revocationList = Compile(
  Type.Object({
    data: Type.Array(Type.Object({ session: Type.String(), expiresAt: Type.String() })),
    // Not from an identity of before there were API keys.
    keys: Type.Optional(Type.Array(Type.Object({ key: Type.String(), expiresAt: Type.String() }))),
    asOf: Type.String(),
  }),
);

/** What came after `since`, the `asOf` of an earlier answer; everything without it. */
async function fetchRevoked(options: RevocationFeedOptions, since: string | undefined) {
  const token = await options.tokens.tokenFor('identity');
  const url = new URL('/internal/revocations', options.identityUrl);
  if (since !== undefined) url.searchParams.set('since', since);
  const { fetch: send = fetch } = options;
  const response = await send(url, {
    headers: { authorization: `Bearer ${token}` },
    redirect: 'error',
    signal: AbortSignal.timeout(fetchDeadlineMs),
  });
  if (!response.ok) throw new Error(`identity answered ${response.status} to the question for revoked sessions`);
  const list: unknown = await response.json();
  if (!revocationList.Check(list)) throw new Error('identity answered with something that is no list of sessions');
  return list;
}

function parseRevoked(entries: readonly { session: string; expiresAt: string }[]): RevokedSession[] {
  return entries.map(({ session, expiresAt }) => ({ session, expiresAt: Date.parse(expiresAt) }));
}

/** A running feed. */
export interface RevocationFeed {
  close(): Promise<void>;
}

/**
 * Keeps the set of revoked sessions and API keys current: the whole list at the start, then events, and every half second the list
 * again while there is no bus or it is away. `onError` is told when reading the list begins to fail, not each time.
 */
export function followRevocations(options: RevocationFeedOptions): RevocationFeed {
  const { revoked, transport } = options;
  let listAskedAt = Number.NEGATIVE_INFINITY;
  let asOf: string | undefined;
  let failing = false;
  let loading: Promise<void> | undefined;
  let closed = false;

  async function load(): Promise<void> {
    listAskedAt = performance.now();
    try {
      const list = await fetchRevoked(options, asOf);
      const keys = list.keys?.map(({ key, expiresAt }) => ({ session: key, expiresAt })) ?? [];
      revoked.load(parseRevoked([...list.data, ...keys]));
      asOf = list.asOf;
      failing = false;
    } catch (error) {
      if (!failing) options.onError(error);
      failing = true;
      listAskedAt = Number.NEGATIVE_INFINITY;
    }
  }

  /** Reads the list once for all who ask meanwhile. */
  function reload(): Promise<void> {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  const isBusThere = async () =>
    transport?.check().then(
      () => true,
      () => false,
    ) ?? false;

  async function run(): Promise<void> {
    while (!closed) {
      if (performance.now() - listAskedAt > listMaxAgeMs || !(await isBusThere())) await reload();
      await wait(tickMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  }

  const ending = new AbortController();
  const broadcast = transport?.broadcast([sessionsRevoked.type, apiKeysRevoked.type], {
    onEvent: (event) => addFromEvent(revoked, event, options.onError),
    onGap: async () => {
      // A list that was asked for before the gap may lack what fell into it.
      await loading;
      await reload();
    },
  });
  const running = run();
  return {
    async close() {
      closed = true;
      ending.abort();
      await broadcast?.close();
      await running;
    },
  };
}

function addFromEvent(revoked: RevokedSessions, event: CloudEvent, onError: (error: unknown) => void): void {
  try {
    const { ended, expiresAt } = endedBy(event);
    revoked.add(parseRevoked(ended.map((session) => ({ session, expiresAt }))));
  } catch (error) {
    onError(error);
  }
}

function endedBy(event: CloudEvent): { ended: string[]; expiresAt: string } {
  if (event.type === apiKeysRevoked.type) {
    const { keys, expiresAt } = apiKeysRevoked.parse(event.data);
    return { ended: keys, expiresAt };
  }
  const { sessions, expiresAt } = sessionsRevoked.parse(event.data);
  return { ended: sessions, expiresAt };
}
