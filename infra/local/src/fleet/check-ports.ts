import { setTimeout as sleep } from 'node:timers/promises';
import { isPortFree } from '../launchers/ports.ts';
import { portSettings } from './local-settings.ts';

/**
 * @param patienceMs how long to wait for taken ports: the processes of a fleet that was killed need a moment to end
 * @throws Error with one line that names the port, whose it is and the setting that moves it
 */
export async function checkPorts(ports: Record<string, number>, patienceMs: number): Promise<void> {
  checkDistinct(ports);
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const taken = await firstTaken(ports);
    if (taken === undefined) return;
    if (Date.now() >= deadline) throw new Error(taken);
    await sleep(100);
  }
}

async function firstTaken(ports: Record<string, number>): Promise<string | undefined> {
  const answers = await Promise.all(
    Object.entries(ports).map(async ([variable, port]) => ({ variable, port, free: await isPortFree(port) })),
  );
  const taken = answers.find(({ free }) => !free);
  if (taken === undefined) return undefined;
  return `Port ${taken.port} is taken (${ownerOf(taken.variable)}). Set ${taken.variable} or stop what uses it.`;
}

function checkDistinct(ports: Record<string, number>): void {
  const byPort = new Map<number, string>();
  for (const [variable, port] of Object.entries(ports)) {
    const other = byPort.get(port);
    if (other !== undefined) throw new Error(`${other} and ${variable} are both ${port}; they must differ.`);
    byPort.set(port, variable);
  }
}

function ownerOf(variable: string): string {
  return portSettings.find((setting) => setting.variable === variable)?.owner ?? variable;
}
