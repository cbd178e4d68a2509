import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '@florin/database';
import type { QueryResultRow } from 'pg';
import type { Statement } from '../engine/batch-statements.ts';
import { DatabaseAwayError, UnknownOutcomeError } from '../engine/lane.ts';
import type { EngineLane } from '../engine/posting-engine.ts';
import { type OpenLane, openLane } from './test-ledger.ts';

type Sent = Statement<QueryResultRow>;

/** The engine's own lanes with some of their parts replaced. */
const lanes =
  (replace: (real: EngineLane) => Partial<EngineLane>): OpenLane =>
  (database) => {
    const real = openLane(database);
    const kept: EngineLane = {
      begin: (statements) => real.begin(statements),
      commit: (statement) => real.commit(statement),
      rollback: () => real.rollback(),
      close: () => real.close(),
    };
    return { ...kept, ...replace(real) };
  };

/** The statement with another text, where it is one of those names (with blanks between); a text that has changed since is an error. */
function rewritten(statement: Sent, names: string, from: RegExp, to: string): Sent {
  const { name } = statement;
  if (!names.split(' ').includes(name)) return statement;
  if (!from.test(statement.text)) throw new Error(`${name} no longer says ${from}`);
  return { ...statement, name: `planted_${name}`, text: statement.text.replace(from, to) };
}

// Long enough for another replica to have read, too, before the first one writes.
const overlapMs = 30;

/** Reads the accounts without locking them. */
export const withoutLocks = lanes((real) => ({
  begin: (all) => real.begin(all.map((one) => rewritten(one, 'lock_accounts', /for (no key )?update/, ''))),
  commit: async (statement) => {
    await sleep(overlapMs);
    await real.commit(statement);
  },
}));

/** Locks the accounts in an order that is another one on each connection. */
export const withUnorderedLocks = lanes((real) => ({
  begin: (all) =>
    real.begin(
      all.map((one) =>
        rewritten(one, 'lock_accounts', /order by id/, 'order by md5(id::text || pg_backend_pid()::text)'),
      ),
    ),
}));

/** Takes a commit whose answer was lost for one that has not happened. */
export const withoutDoubt = lanes((real) => ({
  commit: async (statement) => {
    try {
      await real.commit(statement);
    } catch (error) {
      throw error instanceof UnknownOutcomeError ? new DatabaseAwayError('Nothing has happened, they say') : error;
    }
  },
}));

/** Lets everybody be answered while the commit is still under way. */
export const answeringBeforeTheCommit = lanes((real) => {
  let underWay: Promise<void> = Promise.resolve();
  return {
    begin: async (statements) => {
      await underWay;
      return await real.begin(statements);
    },
    commit: async (statement) => {
      underWay = real.commit(statement).catch(() => {});
    },
    close: async () => {
      await underWay;
      await real.close();
    },
  };
});

/** Gives a batch that was refused up as a whole, and all that is tried of it afterwards. */
export const withoutHalving = lanes((real) => {
  let refusal: unknown;
  return {
    begin: async (statements) => {
      if (refusal !== undefined) throw refusal;
      return await real.begin(statements);
    },
    commit: async (statement) => {
      try {
        await real.commit(statement);
      } catch (error) {
        refusal = error;
        throw error;
      }
    },
  };
});

/** Blames the command for a key that another replica has used meanwhile. */
export const withoutRetryOfKeys = lanes((real) => ({
  commit: async (statement) => {
    await sleep(overlapMs);
    try {
      await real.commit(statement);
    } catch (error) {
      throw errorCode(error) === '23505' ? Object.assign(new Error('Taken'), { code: 'P0001' }) : error;
    }
  },
}));

/** Neither looks for answers under the keys nor minds that there are some. */
export const withoutKeys = lanes((real) => ({
  begin: (all) => real.begin(all.map((one) => rewritten(one, 'read_answers', /$/, ' where false'))),
  commit: (statement) =>
    real.commit(
      statement &&
        rewritten(
          statement,
          'write_batch write_batch_full',
          /(insert into idempotency_keys[^;]*?)(\n *\))/,
          '$1 on conflict do nothing$2',
        ),
    ),
}));

/** Lanes that say which errors the database gave, by their SQLSTATE. */
export function watched(open: OpenLane, heard: (code: string | undefined) => void): OpenLane {
  return (database) => {
    const lane = open(database);
    const listen = async <Result>(work: Promise<Result>): Promise<Result> => {
      try {
        return await work;
      } catch (error) {
        heard(errorCode(error));
        throw error;
      }
    };
    return {
      begin: (statements) => listen(lane.begin(statements)),
      commit: (statement) => listen(lane.commit(statement)),
      rollback: () => lane.rollback(),
      close: () => lane.close(),
    };
  };
}
