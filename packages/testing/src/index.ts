export {
  createTestDatabase,
  type DatabaseAddresses,
  type TestDatabase,
  type TestDatabaseOptions,
  testPassword,
} from './databases.ts';
export { eventually } from './eventually.ts';
export { columnsWith } from './find-text.ts';
export { type Fleet, type FleetOptions, type FleetProcess, startFleet } from './fleet.ts';
export { selfSigned } from './self-signed.ts';
export { testAmqpUrl, testPostgresUrl, testRedisUrl } from './servers.ts';
