// The program behind `npm start` and `npm run start:full`.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DemoSignIn, ensureDemo } from './fleet/demo.ts';
import type { FleetFile } from './fleet/fleet-file.ts';
import { homeFiles } from './fleet/home.ts';
import { Fleet } from './fleet/local-fleet.ts';
import { type LocalSettings, readLocalSettings } from './fleet/local-settings.ts';
import { ownLine } from './fleet/log-lines.ts';
import { type Monitoring, startMonitoring } from './fleet/monitoring.ts';
import { endOn } from './fleet/signals.ts';
import { welcome } from './fleet/welcome.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const full = process.argv.includes('--full');
const print = (line: string) => process.stdout.write(`${line}\n`);
// Whoever reads our output may be gone before us.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

try {
  await run(readLocalSettings(process.env, root));
} catch (error) {
  process.stderr.write(`florin: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

async function run(settings: LocalSettings): Promise<void> {
  const startedAt = Date.now();
  const fleet = new Fleet({ root, settings, full, environment: process.env, print });
  let monitoring: Monitoring | undefined;
  endOn(['SIGINT', 'SIGTERM', 'SIGHUP'], {
    politely: async () => {
      print(ownLine('stopping'));
      await Promise.all([fleet.stop(), monitoring?.stop()]);
      print(ownLine('stopped'));
    },
    atOnce: () => fleet.kill(),
  });
  try {
    const file = await fleet.start();
    const readyMs = Date.now() - startedAt;
    const signIns = settings.demo ? await demo(fleet, file, settings) : [];
    if (full)
      monitoring = await startMonitoring(root, homeFiles(settings.home).monitoring, file.processes, (line) =>
        print(ownLine(line)),
      );
    for (const line of welcome({ file, signIns, readyMs, home: settings.home, monitoring })) print(line);
    process.send?.('ready');
  } catch (error) {
    if (fleet.isStopping) return;
    await Promise.all([fleet.stop(), monitoring?.stop()]);
    throw error;
  }
}

/** A fleet without its demo is still a fleet. */
async function demo(fleet: Fleet, file: FleetFile, settings: LocalSettings): Promise<DemoSignIn[]> {
  try {
    return await ensureDemo(file.gateway, homeFiles(settings.home).demo, fleet.secret('demo').slice(0, 16));
  } catch (error) {
    print(ownLine(`No demo data: ${error instanceof Error ? error.message : error}`, 'warn'));
    return [];
  }
}
