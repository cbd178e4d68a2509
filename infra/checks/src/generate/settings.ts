import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../repository.ts';
import { services } from './services.ts';

/** One environment variable of one process. */
export interface Setting {
  readonly name: string;
  readonly process: string;
  readonly description: string;
  /** Undefined where the variable has none. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly secret: boolean;
}

interface Schema {
  readonly properties: Record<string, { description?: string; default?: unknown; secret?: boolean }>;
  readonly required?: readonly string[];
}

/**
 * Reads the settings of every process from its `config.ts`.
 *
 * @throws when a process has no `settings`, or one of them has no description
 */
export async function readAllSettings(): Promise<Setting[]> {
  const all = await Promise.all(
    services.map(async ({ name: process, folder }) => {
      const url = pathToFileURL(join(root, folder, 'src/config.ts')).href;
      const { settings } = (await import(url)) as { settings?: Schema };
      if (settings === undefined) throw new Error(`${folder}/src/config.ts exports no settings`);
      return Object.entries(settings.properties).map(([name, schema]): Setting => {
        if (!schema.description) throw new Error(`${folder}: setting ${name} has no description`);
        const fallback = schema.default === undefined ? undefined : String(schema.default);
        const required = fallback === undefined && (settings.required ?? []).includes(name);
        return {
          name,
          process,
          description: schema.description,
          default: fallback,
          required,
          secret: schema.secret === true,
        };
      });
    }),
  );
  return all.flat();
}

/** Variables that are read before a process has a configuration, or by the jobs beside it. */
const readElsewhere = [
  [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'all',
    'unset',
    'Where traces go (OTLP over HTTP); without it none are recorded, but trace ids exist',
  ],
  ['OTEL_TRACES_EXPORTER', 'all', '`otlp`', "`jaeger` for Jaeger's own protocol, `none` to record nothing"],
  [
    'FLORIN_TRACE_RATIO',
    'all',
    '`0.1`',
    "Share of new traces that is recorded, 0 to 1; a caller's decision is followed",
  ],
  [
    'MIGRATION_DATABASE_URL',
    'migrations',
    '**required**',
    "`src/migrate.ts`: Postgres, as the owner of the service's schema (secret)",
  ],
  [
    'LEDGER_SEAL_PUBLIC_KEYS',
    'verify',
    'unset',
    '`src/verify.ts` of transactions: keys that seals may be signed with, besides or instead of LEDGER_SEAL_KEY',
  ],
] as const;

/** The table of all settings, in Markdown. A setting that several processes share with the same words stands once. */
export function settingsTable(settings: readonly Setting[]): string {
  const rows = new Map<string, { setting: Setting; processes: string[] }>();
  for (const setting of settings) {
    const key = JSON.stringify([setting.name, setting.description, setting.default, setting.required]);
    const row = rows.get(key) ?? { setting, processes: [] };
    row.processes.push(setting.process);
    rows.set(key, row);
  }
  const lines = [...rows.values()].map(({ setting, processes }) => {
    const fallback =
      setting.default === undefined ? (setting.required ? '**required**' : 'unset') : `\`${setting.default}\``;
    const description = setting.description.replaceAll('|', '\\|') + (setting.secret ? ' (secret)' : '');
    const who = processes.length === services.length ? 'all' : processes.join(', ');
    return `| \`${setting.name}\` | ${who} | ${fallback} | ${description} |`;
  });
  return [
    '# Settings',
    '',
    'Every environment variable of every process, generated from the `config.ts` of each by `npm run generate`. A wrong value stops the',
    'process at its start with one line that names the variable. `npm start` sets all that is required here by itself; its own',
    'variables are in [infra/local](../infra/local/README.md).',
    '',
    '| variable | processes | default | meaning |',
    '| --- | --- | --- | --- |',
    ...lines,
    ...readElsewhere.map(
      ([name, processes, fallback, meaning]) => `| \`${name}\` | ${processes} | ${fallback} | ${meaning} |`,
    ),
    '',
  ].join('\n');
}
