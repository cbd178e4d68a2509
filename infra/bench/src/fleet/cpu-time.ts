import { readFileSync } from 'node:fs';
import { withClient } from '../servers/postgres.ts';

// Linux counts in hundredths of a second, whatever the kernel's own tick is.
const tickSeconds = 0.01;

/** Processor seconds that a process has used so far; undefined where the system does not tell. */
function cpuSeconds(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold blanks.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = (number: number) => Number(fields[number - 3] ?? 0);
    return (ticks(14) + ticks(15)) * tickSeconds;
  } catch {
    return undefined;
  }
}

/**
 * Processor seconds used so far: of the processes by name, and of Postgres' by the application they work for, such as
 * `pg transactions-ledger`. Empty where the system does not tell.
 */
export async function usedByFleet(
  processes: Readonly<Record<string, number>>,
  databaseUrl: string,
): Promise<Map<string, number>> {
  const pids = [...Object.entries(processes), ...(await serverProcesses(databaseUrl))];
  const used = new Map<string, number>();
  for (const [name, pid] of pids) {
    const seconds = cpuSeconds(pid);
    if (seconds !== undefined) used.set(name, (used.get(name) ?? 0) + seconds);
  }
  return used;
}

function serverProcesses(databaseUrl: string): Promise<[string, number][]> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string; pid: number }>(
      `select pid, coalesce(nullif(application_name, ''), usename, backend_type) as name
       from pg_stat_activity where pid <> pg_backend_pid()`,
    );
    return rows.map(({ name, pid }) => [`pg ${name}`, pid]);
  });
}
