import { typeParsers } from '@florin/database';
import pg from 'pg';

/** The relay's own connection. One that ends also ends every wait on it. */
export interface RelaySession {
  client: pg.Client;
  wakeUp: {
    /** Until a notification has come since the last wait, or the time is over. */
    wait(ms: number): Promise<void>;
  };
}

/**
 * Opens a connection in the schema and closes it after the work. Its commits do not wait for the disk: they delete what
 * is published, and a deletion that a crash undoes is a repeat with the same id.
 */
export async function withRelaySession(
  { databaseUrl, schema, closing }: { databaseUrl: string; schema: string; closing: AbortSignal },
  work: (session: RelaySession) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: `${schema}-relay`,
    options: `-c search_path=${pg.escapeIdentifier(schema)} -c synchronous_commit=off`,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
    keepAlive: true,
    types: typeParsers,
  });
  const { wakeUp, wake } = createWakeUp();
  client.on('error', wake);
  client.on('end', wake);
  client.on('notification', wake);
  closing.addEventListener('abort', wake, { once: true });
  try {
    await client.connect();
    await work({ client, wakeUp });
  } finally {
    closing.removeEventListener('abort', wake);
    await client.end().catch(() => {});
  }
}

function createWakeUp(): { wakeUp: RelaySession['wakeUp']; wake: () => void } {
  let end = () => {};
  let woken = false;
  const wake = () => {
    woken = true;
    end();
  };
  const wait = async (ms: number) => {
    if (!woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    woken = false;
  };
  return { wakeUp: { wait }, wake };
}
