import { join } from 'node:path';
import { migrateFromEnvironment } from '@florin/database';

await migrateFromEnvironment({ schema: 'sandbox_provider', folder: join(import.meta.dirname, '../migrations') });
