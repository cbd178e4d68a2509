import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort, plainEnvironment, startLeashed } from '@florin/local';

/** A plain proxy in front of one address. */
export interface Proxy {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts nginx in front of an address, with kept connections and without logs; undefined where it is not installed. */
export async function startNginx(upstream: string): Promise<Proxy | undefined> {
  const program = findProgram('nginx');
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'florin-nginx-'));
  // Its workers are not root.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'temporary'));
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, new URL(upstream).host));
  const server = await startLeashed({
    commands: [{ file: program, args: ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')] }],
    cwd: folder,
    env: plainEnvironment(),
    logFile: join(folder, 'output.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 3000,
    removeFolders: [folder],
  });
  return { url: `http://127.0.0.1:${port}`, pid: server.pid, stop: server.stop };
}

function configuration(folder: string, port: number, upstream: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${join(folder, 'temporary', kind)};`)
    .join('\n');
  return `daemon off;
worker_processes auto;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 1024; }
http {
  access_log off;
${temporary}
  keepalive_requests 1000000;
  upstream service {
    server ${upstream};
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}
