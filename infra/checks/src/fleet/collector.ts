import { once } from 'node:events';
import { createServer } from 'node:http';

/** A span as it was exported. */
export interface Span {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

/** A receiver of traces, OTLP over HTTP in JSON, that keeps what it gets. */
export interface Collector {
  readonly url: string;
  readonly spans: readonly Span[];
  /** Every export as it came. */
  readonly texts: readonly string[];
  close(): void;
}

interface Export {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Omit<Span, 'service'>[] }[];
  }[];
}

/** Starts one on a free port. */
export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const texts: string[] = [];
  const server = createServer(async (request, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    texts.push(text);
    const { resourceSpans } = JSON.parse(text) as Export;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push({ ...span, service });
    }
    reply.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    texts,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A span's ancestors, nearest first, as `service name`. Ends where a parent was not exported. */
export function ancestors(spans: readonly Span[], span: Span): string[] {
  const parent = spans.find(({ spanId, traceId }) => spanId === span.parentSpanId && traceId === span.traceId);
  return parent ? [`${parent.service} ${parent.name}`, ...ancestors(spans, parent)] : [];
}
