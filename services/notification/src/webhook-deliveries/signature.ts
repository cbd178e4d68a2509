import { createHmac } from 'node:crypto';

/** One message as it is signed: Standard Webhooks 1.0. */
export interface SignedMessage {
  /** `evt_…` */
  readonly id: string;
  /** When this attempt is made. */
  readonly at: Date;
  /** The exact body. */
  readonly body: string;
}

/** The headers that prove where a webhook comes from: a signature by each of the secrets, so that the receiver may change over. */
export function signatureHeaders({ id, at, body }: SignedMessage, secrets: readonly Buffer[]): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signatures = secrets.map((secret) => {
    const digest = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    return `v1,${digest}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
