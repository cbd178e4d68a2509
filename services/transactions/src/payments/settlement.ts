import type { Context } from '@opentelemetry/api';

/** A payment about to end, and all ledger accounts that it may touch (uuids). */
export interface Settlement {
  paymentId: string;
  /** The provider's account in the payment's currency. */
  external: string;
  customer: string;
  /** Takes what the customer's account cannot. */
  suspense: string;
  /** From the payment's row. */
  initiatedBy: string;
  traceId: string | null;
  /** Where the trace of the report goes on. */
  context: Context;
}
