import { join, relative } from 'node:path';
import type { DemoSignIn } from './demo.ts';
import type { FleetFile } from './fleet-file.ts';

/** What the table at the end of the start tells. */
export interface Welcome {
  file: FleetFile;
  signIns: DemoSignIn[];
  readyMs: number;
  home: string;
  monitoring?: { prometheus: string | null; alertmanager: string | null } | undefined;
}

/** The table of addresses and sign-ins, line by line. */
export function welcome({ file, signIns, readyMs, home, monitoring }: Welcome): string[] {
  const door = file.gateway.replace('127.0.0.1', 'localhost');
  const rows: [string, string][] = [
    ['API', `${door}/v1`],
    ['Documentation', `${door}/docs`],
    ...addressRow('Console', file.console),
    ...addressRow('Prometheus', monitoring?.prometheus),
    ...addressRow('Alertmanager', monitoring?.alertmanager),
    ['Postgres', withoutPassword(file.postgres.url)],
    ...addressRow('RabbitMQ', file.amqp === null ? null : withoutPassword(file.amqp)),
    ...addressRow('Redis', file.redis === null ? null : withoutPassword(file.redis)),
    ...addressRow('Mail', file.mail === null ? null : shortPath(file.mail)),
    ['Admin', `${file.admin.email}  ${file.admin.password}`],
    ...signIns.map(({ name, email, password }): [string, string] => [name, `${email}  ${password}`]),
    ['Logs and data', shortPath(home)],
    ['What runs', shortPath(join(home, 'fleet.json'))],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(14)} ${value}`);
  return ['', `Florin is ready (${(readyMs / 1000).toFixed(1)} s). Ctrl-C stops it.`, '', ...lines, ''];
}

function addressRow(name: string, address: string | null | undefined): [string, string][] {
  return address ? [[name, address]] : [];
}

function withoutPassword(address: string): string {
  const url = new URL(address);
  url.password = '';
  return url.href;
}

function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
