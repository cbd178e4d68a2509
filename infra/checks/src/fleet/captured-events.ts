import type { CloudEvent } from '@florin/contracts';
import type { Fleet } from '@florin/testing';
import pg from 'pg';

const publishers = ['identity', 'accounts', 'transactions'];

/** From now on keeps a copy of every event that a service writes to its outbox; the relay deletes the original. */
export async function captureEvents(fleet: Pick<Fleet, 'postgres'>): Promise<void> {
  await asAdmin(fleet, async (client) => {
    await client.query(`create table public.captured_events (event json not null);
      grant insert on public.captured_events to public; grant usage on schema public to public;
      create function public.capture_event() returns trigger language plpgsql as $$
        begin insert into public.captured_events values (new.event); return null; end $$`);
    for (const schema of publishers) {
      await client.query(
        `create trigger capture after insert on ${schema}.outbox for each row execute function public.capture_event()`,
      );
    }
  });
}

/** What has been captured so far. */
export async function capturedEvents(fleet: Pick<Fleet, 'postgres'>): Promise<CloudEvent[]> {
  let events: CloudEvent[] = [];
  await asAdmin(fleet, async (client) => {
    const { rows } = await client.query<{ event: CloudEvent }>('select event from public.captured_events');
    events = rows.map(({ event }) => event);
  });
  return events;
}

async function asAdmin(
  { postgres }: Pick<Fleet, 'postgres'>,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
