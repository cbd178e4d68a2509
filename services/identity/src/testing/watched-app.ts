import type { Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { type KyselyPlugin, PostgresQueryCompiler } from 'kysely';
import { buildApp } from '../app.ts';
import type { PasswordDesk } from '../passwords/password-desk.ts';
import type { Resources } from '../resources.ts';

/** An app that notes what it does: each statement as SQL without values, and `hash` or `verify` for a password. */
export interface WatchedApp {
  app: Server;
  trail: string[];
}

/** Builds the app on these resources. The caller closes it. */
export function watchedApp(resources: Resources): WatchedApp {
  const trail: string[] = [];
  const compiler = new PostgresQueryCompiler();
  const statements: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      trail.push(compiler.compileQuery(node, queryId).sql);
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const app = buildApp({
    ...resources,
    db: resources.db.withPlugin(statements),
    passwords: watchedDesk(resources.passwords, (work) => trail.push(work)),
    logger: createLogger({ service: 'identity', level: 'silent' }),
  });
  return { app, trail };
}

function watchedDesk(desk: PasswordDesk, note: (work: 'hash' | 'verify') => void): PasswordDesk {
  return {
    withTurn: (work, askedAt) =>
      desk.withTurn(
        (passwords) =>
          work({
            hash: (password) => {
              note('hash');
              return passwords.hash(password);
            },
            verify: (password, stored) => {
              note('verify');
              return passwords.verify(password, stored);
            },
          }),
        askedAt,
      ),
  };
}

/** What one call costs: the time until its answer, and the time that the threads of this process worked for it. In ms. */
interface Cost {
  waited: number;
  worked: number;
}

async function costOf(call: () => Promise<unknown>): Promise<Cost> {
  const [startedAt, used] = [performance.now(), process.cpuUsage()];
  await call();
  const { user, system } = process.cpuUsage(used);
  return { waited: performance.now() - startedAt, worked: (user + system) / 1000 };
}

/**
 * How often `one` is slower than `other`, as a share of all pairs: 0.5 when nothing tells them apart, 0 or 1 when everything does
 * (Mann and Whitney's U over the number of pairs). Ranks alone count, so that no stall of the machine weighs more than one sample.
 */
export function shareSlower(one: readonly number[], other: readonly number[]): number {
  const wins = one.flatMap((time) => other.map((than): number => (time > than ? 1 : time === than ? 0.5 : 0)));
  return wins.reduce((sum, win) => sum + win, 0) / wins.length;
}

/** Calls both in turn, each first in every second round, and tells how often `one` is slower. */
export async function compareCosts(
  one: () => Promise<unknown>,
  other: () => Promise<unknown>,
  rounds: number,
): Promise<Cost> {
  const costs: Record<'one' | 'other', Cost[]> = { one: [], other: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? (['one', 'other'] as const) : (['other', 'one'] as const);
    for (const which of order) costs[which].push(await costOf(which === 'one' ? one : other));
  }
  const share = (unit: keyof Cost) =>
    shareSlower(
      costs.one.map((cost) => cost[unit]),
      costs.other.map((cost) => cost[unit]),
    );
  return { waited: share('waited'), worked: share('worked') };
}
