import { setTimeout as sleep } from 'node:timers/promises';
import { getJson } from '@florin/service';
import Type from 'typebox';
import { Compile } from 'typebox/compile';

const page = Compile(
  Type.Object({ data: Type.Array(Type.Unknown()), nextCursor: Type.Union([Type.String(), Type.Null()]) }),
);
const itemsPerPage = 100;
const pageDeadlineMs = 2_500;
/** Before the second and the third try at a page. */
const pausesMs = [200, 1_000];

/** One list of another service, read for the person whose token it is. */
export interface RemoteList {
  /** Base URL of the service and path of its list. */
  url: URL;
  /** The person's own `Authorization`: the service gives what it would give him, and nothing of anybody else. */
  authorization: string;
  /** Ends the reading. */
  signal: AbortSignal;
}

/**
 * The pages of a list, one after the other. The first is asked for once, since somebody waits for an answer; a later one
 * that does not come three times.
 *
 * @throws Error
 */
export async function* remotePages(list: RemoteList): AsyncGenerator<readonly unknown[]> {
  let cursor: string | null = null;
  do {
    const { data, nextCursor }: { data: unknown[]; nextCursor: string | null } = await readPage(list, cursor);
    yield data;
    cursor = nextCursor;
  } while (cursor !== null);
}

async function readPage(list: RemoteList, cursor: string | null) {
  const url = new URL(list.url);
  url.searchParams.set('limit', String(itemsPerPage));
  if (cursor === null) return await fetchPage(url, list);
  url.searchParams.set('cursor', cursor);
  for (const pauseMs of pausesMs) {
    try {
      return await fetchPage(url, list);
    } catch {
      await sleep(pauseMs, undefined, { signal: list.signal });
    }
  }
  return await fetchPage(url, list);
}

async function fetchPage(url: URL, { authorization, signal }: RemoteList) {
  const ended = AbortSignal.any([signal, AbortSignal.timeout(pageDeadlineMs)]);
  return await getJson(url, { authorization, form: page, signal: ended });
}
