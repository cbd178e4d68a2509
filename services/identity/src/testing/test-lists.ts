import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Lists of other services, behind one address: each path gives its items, 100 a page. */
export interface TestLists {
  url: string;
  /** Items by path; a path without any gives an empty list. */
  items: Map<string, unknown[]>;
  /** Called before each answer; what it returns is the status, undefined: 200. */
  before: (path: string, cursor: number) => Promise<number | undefined>;
  /** `Authorization` of every request that came. */
  authorizations: string[];
  close(): Promise<void>;
}

/** Starts one on a free port. */
export async function startTestLists(): Promise<TestLists> {
  const lists: TestLists = {
    url: '',
    items: new Map(),
    before: async () => undefined,
    authorizations: [],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://lists');
    const [cursor, limit] = [Number(searchParams.get('cursor') ?? 0), Number(searchParams.get('limit'))];
    lists.authorizations.push(request.headers.authorization ?? '');
    const status = (await lists.before(pathname, cursor)) ?? 200;
    const all = lists.items.get(pathname) ?? [];
    const nextCursor = cursor + limit < all.length ? String(cursor + limit) : null;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ data: all.slice(cursor, cursor + limit), nextCursor }));
  }
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lists.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return lists;
}
