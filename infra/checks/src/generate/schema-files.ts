import { join } from 'node:path';
import { migrate, provision } from '@florin/database';
import { launchPostgres } from '@florin/local';
import pg from 'pg';
import { root } from '../repository.ts';
import { describeSchema } from './schema-sql.ts';
import { services } from './services.ts';

const password = 'generate';

/** `services/<name>/schema.sql` for every service, from a Postgres of its own that its migrations have just run on. */
export async function schemaFiles(): Promise<Record<string, string>> {
  const server = await launchPostgres();
  try {
    return await describeAll(server.url);
  } finally {
    await server.stop();
  }
}

async function describeAll(adminUrl: string): Promise<Record<string, string>> {
  const owners = services.flatMap(({ schema }) =>
    schema ? [{ name: schema, password, ownerPassword: password }] : [],
  );
  const provisioned = await provision({ adminUrl, database: 'florin', services: owners });
  const client = new pg.Client({ connectionString: provisioned.adminUrl });
  await client.connect();
  try {
    const files: Record<string, string> = {};
    for (const { folder, schema } of services) {
      const url = schema && provisioned.services[schema]?.ownerUrl;
      if (!schema || !url) continue;
      await migrate({ url, schema, folder: join(root, folder, 'migrations'), role: schema });
      await client.query(`set search_path to ${schema}`);
      files[`${folder}/schema.sql`] = await describeSchema(client, schema, schema);
    }
    return files;
  } finally {
    await client.end();
  }
}
