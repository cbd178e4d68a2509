import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startLeashed } from '../launchers/leashed.ts';
import { freePort, isPortFree, waitForPort } from '../launchers/ports.ts';
import { findProgram, plainEnvironment } from '../launchers/programs.ts';
import type { FleetFile } from './fleet-file.ts';

/** Prometheus and Alertmanager of this fleet; null for one that is not installed. */
export interface Monitoring {
  prometheus: string | null;
  alertmanager: string | null;
  stop(): Promise<void>;
}

/** Prometheus' configuration for the processes of a fleet, with the rules of monitoring/. JSON is YAML too. */
export function prometheusConfiguration(
  processes: FleetFile['processes'],
  rules: string,
  alertmanagerPort: number | undefined,
): unknown {
  const alertmanagers = [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }];
  return {
    global: { scrape_interval: '5s', evaluation_interval: '15s' },
    rule_files: [rules],
    ...(alertmanagerPort === undefined ? {} : { alerting: { alertmanagers } }),
    scrape_configs: [
      {
        job_name: 'florin',
        static_configs: processes.map(({ name, metrics }) => ({
          targets: [new URL(metrics).host],
          labels: { service: name },
        })),
      },
    ],
  };
}

/** Starts what is installed, on its usual port where that is free. What is missing or fails is told and left out. */
export async function startMonitoring(
  root: string,
  folder: string,
  processes: FleetFile['processes'],
  say: (line: string) => void,
): Promise<Monitoring> {
  mkdirSync(folder, { recursive: true });
  const alertmanager = await startProgram(
    'Alertmanager',
    ['alertmanager', 'prometheus-alertmanager'],
    9093,
    folder,
    say,
    (port) => [
      `--config.file=${join(root, 'monitoring/alertmanager/alertmanager.yml')}`,
      `--storage.path=${join(folder, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // Without peers to agree with.
      '--cluster.listen-address=',
    ],
  );
  const configuration = join(folder, 'prometheus.yml');
  const rules = join(root, 'monitoring/prometheus/rules/*.yml');
  writeFileSync(configuration, JSON.stringify(prometheusConfiguration(processes, rules, alertmanager?.port), null, 2));
  const prometheus = await startProgram('Prometheus', ['prometheus'], 9090, folder, say, (port) => [
    `--config.file=${configuration}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  return {
    prometheus: prometheus?.url ?? null,
    alertmanager: alertmanager?.url ?? null,
    stop: async () => {
      await Promise.all([prometheus?.stop(), alertmanager?.stop()]);
    },
  };
}

async function startProgram(
  name: string,
  programs: string[],
  usualPort: number,
  folder: string,
  say: (line: string) => void,
  argumentsFor: (port: number) => string[],
): Promise<{ url: string; port: number; stop(): Promise<void> } | undefined> {
  const program = programs.map(findProgram).find((path) => path !== undefined);
  if (program === undefined) {
    say(`${name} is not installed: left out.`);
    return undefined;
  }
  const port = (await isPortFree(usualPort)) ? usualPort : await freePort();
  try {
    const server = await startLeashed({
      commands: [{ file: program, args: argumentsFor(port) }],
      cwd: folder,
      env: plainEnvironment(),
      logFile: join(folder, `${name.toLowerCase()}.log`),
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 5000,
      removeFolders: [],
    });
    await waitForPort(port, 15_000, server.failed).catch(async (error) => {
      await server.stop();
      throw error;
    });
    return { url: `http://127.0.0.1:${port}`, port, stop: server.stop };
  } catch (error) {
    say(`${name} did not start: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
