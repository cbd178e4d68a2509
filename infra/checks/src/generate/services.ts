/** What the generators need to know of a process: where it lives, and the schema it owns. */
export interface Service {
  readonly name: string;
  readonly folder: string;
  /** Postgres schema and runtime role; the gateway has none. */
  readonly schema?: string;
}

/** Every process of the fleet, in the order of the documents. */
export const services: readonly Service[] = [
  { name: 'gateway', folder: 'gateway' },
  { name: 'identity', folder: 'services/identity', schema: 'identity' },
  { name: 'accounts', folder: 'services/accounts', schema: 'accounts' },
  { name: 'transactions', folder: 'services/transactions', schema: 'transactions' },
  { name: 'notification', folder: 'services/notification', schema: 'notification' },
  { name: 'sandbox-provider', folder: 'services/sandbox-provider', schema: 'sandbox_provider' },
];
