import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root, trackedFiles } from './repository.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const file = readFileSync(join(root, 'monitoring/prometheus/rules/florin.yml'), 'utf8');
const rules = (parse(file) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const sources = trackedFiles()
  .filter((path) => /^(services|gateway|packages)\/.*\.ts$/.test(path) && !path.endsWith('.test.ts'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n');

/** Names of metrics in an expression, without what Prometheus adds to histograms. */
function metricsOf(expression: string): string[] {
  const words = expression.replaceAll(/"[^"]*"|\{[^}]*\}|by \([^)]*\)/g, ' ').match(/[a-z][a-z_]+_[a-z_]+/g) ?? [];
  return words.map((word) => word.replace(/_(count|sum|bucket)$/, ''));
}

describe('alerts', () => {
  it.each(rules)('$alert watches metrics that exist and leads to a runbook', ({ expr, labels, annotations }) => {
    const unknown = metricsOf(expr).filter((metric) => !sources.includes(`'${metric}'`));
    expect(unknown).toEqual([]);
    expect(['warning', 'critical']).toContain(labels.severity);
    expect(existsSync(join(root, annotations.runbook))).toBe(true);
  });

  it('the check finds a metric that nobody has', () => {
    expect(metricsOf('rate(no_such_metric_total{a="b_c"}[5m]) > 1')).toEqual(['no_such_metric_total']);
  });
});
