import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { homeFiles } from '@florin/local';
import type { Stage } from './stage.ts';

/** I16: nobody's error was left uncaught, and nothing secret was written down. */
export function logViolations({ fleet, customers, admin }: Stage): string[] {
  const { logs, secrets } = homeFiles(fleet.home);
  const canaries = [
    ...[...customers, admin].flatMap(({ password, token }) => [password, token]),
    ...Object.values(JSON.parse(readFileSync(secrets, 'utf8')) as Record<string, string>),
  ];
  return readdirSync(logs).flatMap((file) => {
    const text = readFileSync(join(logs, file), 'utf8');
    const uncaught = text.split('\n').filter((line) => /that nobody caught|unhandled ?rejection/i.test(line));
    const told = canaries.filter((canary) => text.includes(canary));
    return [
      ...uncaught.map((line) => `I16: ${file}: ${line}`),
      ...told.map((canary) => `I16: ${file} holds a secret that begins with ${canary.slice(0, 4)}`),
    ];
  });
}

/** Lines of severity error or worse by their message and number, for people. */
export function errorLines({ fleet }: Stage): Map<string, number> {
  const { logs } = homeFiles(fleet.home);
  const counts = new Map<string, number>();
  for (const file of readdirSync(logs)) {
    for (const line of readFileSync(join(logs, file), 'utf8').split('\n')) {
      const severe = /^\{"level":"(?:error|fatal)"/.test(line) || (line !== '' && !line.startsWith('{'));
      if (!severe) continue;
      const [, cause] = /"message":"([^"]*)"/.exec(line) ?? [];
      const [, told] = /"msg":"([^"]*)"/.exec(line) ?? [];
      const message = [file, told ?? line.slice(0, 120), ...(cause === undefined ? [] : [cause.slice(0, 80)])].join(
        ': ',
      );
      counts.set(message, (counts.get(message) ?? 0) + 1);
    }
  }
  return counts;
}
