import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answersFollowTheCommit,
  lostCommitsAreFoundOut,
  oneKeyOneEffect,
  oneKeyOneRequest,
  type Promised,
  poisonFailsAlone,
  replicasNeverDeadlock,
  replicasShareAccounts,
  withBrokenEvent,
} from '../testing/engine-promises.ts';
import {
  answeringBeforeTheCommit,
  withoutDoubt,
  withoutHalving,
  withoutKeys,
  withoutLocks,
  withoutRetryOfKeys,
  withUnorderedLocks,
} from '../testing/planted-lanes.ts';
import { type OpenLane, openLane, startTestLedger, type TestLedger } from '../testing/test-ledger.ts';

let sound: TestLedger;
beforeAll(async () => {
  sound = await startTestLedger();
});
afterAll(() => sound.close());

/** On a ledger of its own, which may end up broken. */
async function withFault(promise: Promised, planted: OpenLane): Promise<void> {
  const ledger = await startTestLedger();
  try {
    await promise(ledger, planted);
  } finally {
    await ledger.close();
  }
}

/** A promise, the check that guards it, and the fault that must turn just this check red. */
const promises: readonly [string, Promised, string, OpenLane][] = [
  ['replicas that share accounts neither make nor lose money', replicasShareAccounts, 'no row locks', withoutLocks],
  ['replicas never deadlock', replicasNeverDeadlock, 'locks in no common order', withUnorderedLocks],
  ['a lost commit is found out', lostCommitsAreFoundOut('after-commit'), 'no doubt about it', withoutDoubt],
  [
    'nobody is answered before the commit',
    answersFollowTheCommit('before-commit'),
    'answers ahead of it',
    answeringBeforeTheCommit,
  ],
  ['a command that the database refuses fails alone', poisonFailsAlone(withBrokenEvent), 'no halving', withoutHalving],
  ['one key has one effect', oneKeyOneEffect, 'keys that nobody looks for', withoutKeys],
  ['one key stands for one request', oneKeyOneRequest, 'no retry of a key just taken', withoutRetryOfKeys],
];

describe.each(promises)('%s', (_, promise, fault, planted) => {
  test('as it is', async () => {
    await promise(sound, openLane);
  });

  test(`and the check turns red with ${fault}`, async () => {
    await expect(withFault(promise, planted)).rejects.toMatchObject({ name: 'AssertionError' });
  });
});

test.each<[string, Promised]>([
  ['a connection lost before the commit is found out', lostCommitsAreFoundOut('before-commit')],
  ['nobody is answered with success when the commit’s answer is lost', answersFollowTheCommit('after-commit')],
])('%s', async (_, promise) => {
  await promise(sound, openLane);
});
