import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { rules } from './rules.ts';

/** One import that a rule forbids. */
export interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Follows the imports, type-only ones included, of the source folders below `root` and holds them against the rules.
 *
 * @returns how many files were read (0 means that the parser failed, not that all is well), and what is forbidden
 */
export async function findViolations(
  root: string,
  folders: readonly string[],
): Promise<{ files: number; violations: Violation[] }> {
  const { output } = await cruise(
    [...folders],
    {
      baseDir: root,
      parser: 'swc',
      tsPreCompilationDeps: true,
      validate: true,
      ruleSet: { forbidden: [...rules] },
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '/fixtures/violations/|/openapi\\.json$' },
      combinedDependencies: true,
    },
    {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
  );
  const { summary, modules } = output as ICruiseResult;
  const violations = summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }));
  return { files: modules.filter(({ source }) => !source.includes('node_modules')).length, violations };
}
