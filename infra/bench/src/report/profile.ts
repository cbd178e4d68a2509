import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Frame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };

/** Times in microseconds of the system's steady clock. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where a process's time went, as shares of the time in which it was not idle. */
export interface ProfileSummary {
  readonly name: string;
  readonly busySeconds: number;
  /** By package or folder, and by function: in it itself. */
  readonly places: readonly Share[];
  readonly functions: readonly Share[];
  /** By function of ours, with everything that it calls. */
  readonly whole: readonly Share[];
}

interface Share {
  readonly where: string;
  readonly share: number;
}

const resting = new Set(['(idle)', '(root)']);

/**
 * Reads the profiles in a folder; only what lies within `times` (nanoseconds of the steady clock) counts. Files are
 * named by Node; the process id in the name tells whose they are.
 */
export function summariseProfiles(
  folder: string,
  names: ReadonlyMap<string, number>,
  times: readonly (readonly [bigint, bigint])[],
): ProfileSummary[] {
  const counts = (microseconds: number) =>
    times.some(([from, to]) => microseconds * 1000 >= Number(from) && microseconds * 1000 <= Number(to));
  return [...names].flatMap(([name, pid]) => {
    const files = readdirSync(folder).filter((file) => file.split('.')[3] === String(pid));
    return files.map((file) => summarise(name, JSON.parse(readFileSync(join(folder, file), 'utf8')), counts));
  });
}

function summarise(name: string, profile: CpuProfile, counts: (time: number) => boolean): ProfileSummary {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const [places, functions, whole] = [new Tally(), new Tally(), new Tally()];
  let busy = 0;
  let now = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const time = profile.timeDeltas[index] ?? 0;
    now += time;
    const frame = frames.get(id);
    if (frame === undefined || resting.has(frame.functionName) || !counts(now)) continue;
    busy += time;
    places.add(placeOf(frame.url), time);
    functions.add(nameOf(frame), time);
    const callers = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const caller = frames.get(at);
      if (caller !== undefined && caller.url !== '' && !caller.url.startsWith('node:')) callers.add(nameOf(caller));
    }
    for (const caller of callers) whole.add(caller, time);
  }
  const shares = { places: places.shares(busy), functions: functions.shares(busy), whole: whole.shares(busy) };
  return { name, busySeconds: busy / 1e6, ...shares };
}

const shown = 40;

class Tally {
  readonly #times = new Map<string, number>();

  add(where: string, time: number): void {
    this.#times.set(where, (this.#times.get(where) ?? 0) + time);
  }

  shares(all: number): Share[] {
    const ranked = [...this.#times].sort(([, a], [, b]) => b - a).slice(0, shown);
    return ranked.map(([where, time]) => ({ where, share: time / all }));
  }
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  return url === '' ? functionName : `${functionName || '(anonymous)'} ${shortUrl(url)}:${lineNumber + 1}`;
}

/** The package, or the folder of ours, that a file belongs to. */
function placeOf(url: string): string {
  if (url === '') return '(engine and garbage collection)';
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (installed !== undefined && !installed.startsWith('@florin/')) return installed;
  return shortUrl(url).split('/').slice(0, 4).join('/');
}

function shortUrl(url: string): string {
  return url
    .replace(/^.*\/node_modules\/(?!@florin)/, '')
    .replace(/^file:\/\/.*?\/(services|packages|gateway|infra)\//, '$1/');
}

/** As lines for a person. */
export function profileText({ name, busySeconds, places, functions, whole }: ProfileSummary): string[] {
  const part = (title: string, shares: readonly Share[]) => [
    `  ${title}`,
    ...shares.map(({ where, share }) => `${(share * 100).toFixed(1).padStart(8)} %  ${where}`),
  ];
  return [
    '',
    `${name}: ${busySeconds.toFixed(1)} s busy`,
    ...part('by place', places),
    ...part('by function', functions),
    ...part('by function, with what it calls', whole),
  ];
}
