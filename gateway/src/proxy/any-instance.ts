import type { Fetch } from '@florin/auth';

/**
 * Requests of the gateway's own to a service of several processes. They stay with one process, where one answer follows from the
 * other, until it cannot be reached or answers 5xx: then that request and the later ones go to the next. Each process is tried once
 * at most, within the request's own deadline; a process that hangs costs the requests under way there. Only for requests that
 * may be sent twice. The host of the URL that is asked for does not matter.
 */
export function anyInstance(urls: readonly [string, ...string[]]): Fetch {
  // Gateways that start together must not all lean on the same process.
  let current = Math.floor(Math.random() * urls.length);

  async function ask(url: URL, init: RequestInit, at: number): Promise<Response> {
    try {
      const response = await fetch(new URL(url.pathname + url.search, urls[at]), init);
      if (response.status >= 500) leave(at);
      return response;
    } catch (error) {
      leave(at);
      throw error;
    }
  }

  function leave(at: number): void {
    // Another request may have moved on already.
    if (current === at) current = (at + 1) % urls.length;
  }

  return async (url, init) => {
    for (let tried = 1; ; tried += 1) {
      const at = current;
      const isLast = tried === urls.length || init.signal?.aborted === true;
      const answer = await ask(url, init, at).catch((error: unknown) => {
        if (isLast || init.signal?.aborted === true) throw error;
        return undefined;
      });
      if (answer !== undefined && (answer.status < 500 || isLast)) return answer;
      await answer?.body?.cancel();
    }
  };
}
