/** What is sent to a replica. */
export interface Request {
  readonly method: 'POST' | 'PUT';
  readonly url: string;
  readonly token?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
}

/** What it answers. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}
