/**
 * An event as it travels between services: CloudEvents 1.0 in JSON, with `traceparent` from its distributed tracing
 * extension. `type` is also the routing key. `id` identifies the business change: a repeat carries the same id.
 */
export interface CloudEvent<Data = unknown> {
  readonly specversion: '1.0';
  /** `evt_…` */
  readonly id: string;
  /** The publishing service, such as `florin/transactions`. */
  readonly source: string;
  /** `<service>.<noun>.<past participle>.v<version>` */
  readonly type: string;
  /** Id of the resource that changed. */
  readonly subject: string;
  /** RFC 3339 UTC with milliseconds. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** W3C trace context of the change that caused the event. */
  readonly traceparent?: string;
  readonly data: Data;
}
