export { connectTransport, type TransportOptions } from './connect-transport.ts';
export { type SubscriptionsOptions, startSubscriptions } from './consumer.ts';
export { type RelayOptions, startRelay } from './relay.ts';
export { defaultRetryDelaysMs } from './retry-policy.ts';
export { project, type Subscription, subscribe } from './subscription.ts';
export type {
  BatchHandler,
  BroadcastHandler,
  Closable,
  ConsumeOptions,
  DeadLetter,
  DeadLetters,
  Delivery,
  Settlement,
  Transport,
} from './transport.ts';
