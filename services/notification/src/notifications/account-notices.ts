import type { accountOpened } from '@florin/contracts';
import type { Notice, Topic } from './notification.ts';

type Account = ReturnType<typeof accountOpened.parse>['account'];
type AccountTopic = Extract<Topic, `account.${string}`>;

const titles: Record<AccountTopic, (name: string) => string> = {
  'account.opened': (name) => `Your account ${name} is open`,
  'account.frozen': (name) => `Your account ${name} is frozen`,
  'account.unfrozen': (name) => `Your account ${name} is no longer frozen`,
  'account.closed': (name) => `Your account ${name} is closed`,
};

const bodies: Record<AccountTopic, (account: Account) => string> = {
  'account.opened': ({ accountNumber }) => `Its number is ${accountNumber}.`,
  'account.frozen': () => 'Nothing can be paid from it until we lift the freeze. You can still receive money.',
  'account.unfrozen': () => 'You can pay from it again.',
  'account.closed': () => '',
};

/** What the owner is told of a change of the account's life. The operator's reason stays inside the bank. */
export function accountNotice(topic: AccountTopic, account: Account): Notice {
  return {
    user: account.owner,
    topic,
    title: titles[topic](account.name),
    body: bodies[topic](account),
    data: { account: account.id },
  };
}
