import { join } from 'node:path';
import { migrateFromEnvironment } from '@florin/database';

await migrateFromEnvironment({ schema: 'notification', folder: join(import.meta.dirname, '../migrations') });
