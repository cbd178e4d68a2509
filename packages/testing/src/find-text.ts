import { withClient } from './drop-databases.ts';

interface Column {
  table: string;
  column: string;
  type: string;
}

/**
 * Says in which columns of a schema any of the texts stands, in any case of the letters: `['users.email']`. It looks at
 * every column of every table, whatever the type; bytes are read as text.
 */
export async function columnsWith(url: string, schema: string, texts: readonly string[]): Promise<string[]> {
  const wanted = texts.map((text) => text.toLowerCase());
  const found: string[] = [];
  await withClient(url, async (client) => {
    const { rows } = await client.query<Column>(
      `select table_name as table, column_name as column, data_type as type from information_schema.columns
       join information_schema.tables using (table_schema, table_name)
       where table_schema = $1 and table_type = 'BASE TABLE' order by 1, 2`,
      [schema],
    );
    if (rows.length === 0) throw new Error(`${schema} has no tables that can be read`);
    for (const { table, column, type } of rows) {
      const name = client.escapeIdentifier(column);
      const text = type === 'bytea' ? `encode(${name}, 'escape')` : `${name}::text`;
      const place = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(table)}`;
      const { rowCount } = await client.query(
        `select from ${place} cross join unnest($1::text[]) as wanted where strpos(lower(${text}), wanted) > 0 limit 1`,
        [wanted],
      );
      if (rowCount) found.push(`${table}.${column}`);
    }
  });
  return found;
}
