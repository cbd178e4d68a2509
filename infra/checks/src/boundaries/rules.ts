import type { IForbiddenRuleType } from 'dependency-cruiser';

const testCode =
  '\\.(test|fixture)\\.ts$|/(test|testing|fixtures|model)/|/testing\\.ts$|^packages/testing/|^infra/(bench|checks)/';

/**
 * Who may import whom. `$1` in `pathNot` is what the group in `from.path` matched. The comment of each rule tells
 * the reader what to do instead.
 */
export const rules: readonly IForbiddenRuleType[] = [
  {
    name: 'no-service-to-service',
    severity: 'error',
    comment:
      'A service knows another only by its events (packages/contracts) or its HTTP interface. Move shared code into a package.',
    from: { path: '^(services/[^/]+|gateway)/' },
    to: { path: '^(services/[^/]+|gateway)/', pathNot: '^$1/' },
  },
  {
    name: 'no-package-to-service',
    severity: 'error',
    comment: 'Packages serve services, never the other way round. Pass what the package needs as an argument.',
    from: { path: '^packages/' },
    to: { path: '^(services|gateway)/' },
  },
  {
    name: 'no-production-to-infra',
    severity: 'error',
    comment: 'What runs in production does not know how it is started. Read a setting instead.',
    from: { path: '^(services|gateway|packages)/', pathNot: testCode },
    to: { path: '^infra/' },
  },
  {
    name: 'no-production-to-test',
    severity: 'error',
    comment: 'Test code stays out of production. Move what both need into the production file.',
    from: { path: '^(services|gateway|packages|infra)/', pathNot: testCode },
    to: { path: testCode },
  },
  {
    name: 'contracts-stand-alone',
    severity: 'error',
    comment:
      'Contracts are schemas and fixtures without logic; every service deploys with them. They import nothing of ours.',
    from: { path: '^packages/contracts/', pathNot: testCode },
    to: { path: '^(packages/(?!contracts/)|services|gateway|infra)' },
  },
  {
    name: 'money-stands-alone',
    severity: 'error',
    comment: 'Money is arithmetic: no dependency may change what an amount means.',
    from: { path: '^packages/money/', pathNot: testCode },
    to: { pathNot: '^packages/money/' },
  },
  {
    name: 'one-transport-door',
    severity: 'error',
    comment: 'Only packages/messaging knows which broker carries the events. Use its Transport.',
    from: { path: '^(services|gateway|packages|infra)/', pathNot: '^packages/messaging/' },
    to: { path: '(^|node_modules/)(amqplib|graphile-worker)(/|$)' },
  },
  {
    name: 'no-cycles',
    severity: 'error',
    comment: 'Two files that need each other are one file, or hide a third.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'resolvable',
    severity: 'error',
    comment:
      'An import that does not resolve escapes every other rule. Services have no exports: nobody imports them by name.',
    from: {},
    to: { couldNotResolve: true },
  },
];
