import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { metricsText } from '@florin/service';

/**
 * Serves GET /metrics on a listener of its own, so that no route of the public one can lead there. Resolves when
 * listening; rejects with one clear line when the port is taken.
 */
export async function listenForMetrics(host: string, port: number): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    try {
      const { contentType, text } = await metricsText();
      response.writeHead(200, { 'content-type': contentType }).end(text);
    } catch {
      response.writeHead(500).end();
    }
  });
  try {
    await once(server.listen(port, host), 'listening');
  } catch (error) {
    throw new Error(`${host}:${port} cannot be listened on; set another METRICS_PORT`, { cause: error });
  }
  return server;
}
