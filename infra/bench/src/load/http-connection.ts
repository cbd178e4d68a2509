import { connect, type Socket } from 'node:net';

/** One keep-alive connection with at most one request under way; reads of an answer no more than its status and length. */
export class HttpConnection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #answer: ((status: number) => void) | undefined;
  #received: Buffer | undefined;

  constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** Resolves with the status when the whole answer has come; with 0 when the connection broke first. */
  call(text: string): Promise<number> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#socket ??= this.#connect();
      this.#socket.write(text, 'latin1');
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#finish(0);
    });
    return socket;
  }

  #take(chunk: Buffer): void {
    const all = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    const status = wholeAnswer(all);
    if (status === undefined) this.#received = all;
    else this.#finish(status);
  }

  #finish(status: number): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#received = undefined;
    answer?.(status);
  }
}

/** Status of an answer that is there to its end, undefined before that. */
function wholeAnswer(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  const isWhole =
    length === undefined
      ? bytes.toString('latin1', bytes.length - 5) === '0\r\n\r\n'
      : bytes.length >= headEnd + 4 + Number(length);
  return isWhole ? Number(head.slice(9, 12)) : undefined;
}
