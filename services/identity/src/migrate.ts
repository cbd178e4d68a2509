import { join } from 'node:path';
import { migrateFromEnvironment } from '@florin/database';

await migrateFromEnvironment({ schema: 'identity', folder: join(import.meta.dirname, '../migrations') });
