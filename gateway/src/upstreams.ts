/**
 * The services behind the gateway. A new service is one row here and its rows in the route table.
 * `deadlineMs` bounds a whole exchange with it; services' own outward deadlines are shorter.
 */
export const upstreams = {
  identity: { setting: 'IDENTITY_URL', deadlineMs: 4_000 },
  accounts: { setting: 'ACCOUNTS_URL', deadlineMs: 4_000 },
  transactions: { setting: 'TRANSACTIONS_URL', deadlineMs: 4_500 },
  notification: { setting: 'NOTIFICATION_URL', deadlineMs: 3_000 },
} as const;

export type UpstreamName = keyof typeof upstreams;

/** Where the instances of each service are: base URLs without a path. */
export type UpstreamUrls = Readonly<Record<UpstreamName, readonly [string, ...string[]]>>;

/** The names in table order: health reports and the OpenAPI document follow it. */
export const upstreamNames = Object.keys(upstreams) as UpstreamName[];
