/** Who sends a request. `other` is a customer who has no part in what is the customer's. */
export const callers = ['customer', 'other', 'operator', 'nobody'] as const;

/** One of those. */
export type Caller = (typeof callers)[number];

/** Kinds of ids that there are placeholders for. */
export const idKinds = ['acc', 'txn', 'hld', 'ses', 'key', 'ntf', 'usr', 'fxq', 'pky', 'pye', 'whe', 'whd'] as const;

const exampleId = '01h455vb4pex5vsknk084sn02q';

/**
 * What generated requests say in place of what differs from run to run, with an example of its form: the same seed then
 * gives the same requests.
 */
export const placeholders: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    idKinds.flatMap((kind) =>
      ['own', 'others', 'missing'].map((whose) => [`{{${kind}.${whose}}}`, `${kind}_${exampleId}`]),
    ),
  ),
  '{{savings.own}}': `acc_${exampleId}`,
  '{{number.own}}': 'DE89370400440532013000',
  '{{number.others}}': 'DE89370400440532013000',
  '{{email.own}}': 'ada-3f8a2c6e@example.com',
  '{{email.new}}': 'ada-3f8a2c6e@example.com',
  '{{password.own}}': '3f8a2c6e is long enough',
  '{{refresh.own}}': 'flr_0123456789abcdef0123456789abcdef0123456789a',
  '{{unique}}': '7d444840-9dc0-41d1-b245-5ffdce74fad2',
};

/** The text with every placeholder replaced by what `look` finds for it. */
export function fillPlaceholders(text: string, look: (name: string) => string): string {
  return text.replace(/\{\{([a-z]+(?:\.[a-z]+)?)\}\}/g, (_match, name: string) => look(name));
}
