import { fileURLToPath } from 'node:url';

export { type FleetFile, readFleetFile } from './fleet/fleet-file.ts';
export { homeFiles } from './fleet/home.ts';
export { portSettings } from './fleet/local-settings.ts';
export { v8Options } from './fleet/v8-options.ts';
export { type LeashedServer, startLeashed } from './launchers/leashed.ts';
export { type ObtainedServer, obtainRabbitmq, obtainRedis, obtainTestPostgres } from './launchers/obtain.ts';
export { freePort, isPortFree } from './launchers/ports.ts';
export { launchPostgres, type PostgresOptions, type RunningServer } from './launchers/postgres.ts';
export { findProgram, isExecutable, plainEnvironment } from './launchers/programs.ts';
export { launchRabbitmq, type RunningRabbitmq } from './launchers/rabbitmq.ts';
export { launchRedis, type ServerOptions } from './launchers/redis.ts';

/** Full path of the program behind `npm start`; with `--full` the one behind `npm run start:full`. */
export const startProgram = fileURLToPath(new URL('./start.ts', import.meta.url));
