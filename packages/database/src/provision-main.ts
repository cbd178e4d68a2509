import { provision } from './provision.ts';

/**
 * Makes roles and schemas from the environment: ADMIN_DATABASE_URL, and for each service NAME_DATABASE_PASSWORD and
 * NAME_OWNER_DATABASE_PASSWORD. BUS_DATABASE_PASSWORD makes the schema of the embedded transport too.
 */
const { env } = process;
const adminUrl = env.ADMIN_DATABASE_URL;
const services = Object.entries(env).flatMap(([variable, ownerPassword]) => {
  const prefix = /^([A-Z_]+)_OWNER_DATABASE_PASSWORD$/.exec(variable)?.[1];
  const password = prefix === undefined ? undefined : env[`${prefix}_DATABASE_PASSWORD`];
  return prefix && password && ownerPassword ? [{ name: prefix.toLowerCase(), password, ownerPassword }] : [];
});

if (!adminUrl || services.length === 0) {
  process.stderr.write('ADMIN_DATABASE_URL and at least one pair of database passwords must be set\n');
  process.exitCode = 1;
} else {
  const busPassword = env.BUS_DATABASE_PASSWORD;
  await provision({ adminUrl, services, ...(busPassword ? { busPassword } : {}) });
  process.stdout.write(`Roles and schemas are there: ${services.map(({ name }) => name).join(', ')}\n`);
}
