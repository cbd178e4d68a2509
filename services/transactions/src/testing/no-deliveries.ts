import type { AppDependencies } from '../app.ts';

/** A notification to which no webhook endpoint is known. */
export const noDeliveries: AppDependencies['deliveries'] = { deliveriesOf: async () => [] };
