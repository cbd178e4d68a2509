import { readSettings, runMain } from '@florin/service';
import Type from 'typebox';
import { type MigrateOptions, migrate } from './migrate.ts';

const settings = Type.Object({
  MIGRATION_DATABASE_URL: Type.String({
    minLength: 1,
    secret: true,
    description: 'Postgres, as the owner of the schema; only the migrations use it',
  }),
});

/**
 * The whole process that brings a schema up to date, for a job before a deploy. Says which migrations ran as a line of
 * JSON on stdout, or what went wrong in one line on stderr, with exit code 1.
 */
export async function migrateFromEnvironment(options: Pick<MigrateOptions, 'schema' | 'folder'>): Promise<void> {
  const { schema, folder } = options;
  await runMain(`${schema} migrations`, async () => {
    const { MIGRATION_DATABASE_URL: url } = readSettings(settings, process.env);
    const migrations = await migrate({ url, schema, folder, role: schema });
    process.stdout.write(`${JSON.stringify({ schema, migrations })}\n`);
  });
}
