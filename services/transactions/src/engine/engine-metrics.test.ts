import { register } from 'prom-client';
import { expect, test } from 'vitest';
import { countCommand, watchQueue } from './engine-metrics.ts';

const shown = (name: string) => register.getSingleMetricAsString(name);

test('commands are counted by kind and outcome, however often somebody looks', async () => {
  countCommand('metrics-test', 'applied');
  countCommand('metrics-test', 'applied');
  countCommand('metrics-test', 'refused');
  const line = (outcome: string) => `ledger_commands_total{kind="metrics-test",outcome="${outcome}"}`;
  expect(await shown('ledger_commands_total')).toContain(`${line('applied')} 2`);
  expect(await shown('ledger_commands_total')).toContain(`${line('applied')} 2`);
  countCommand('metrics-test', 'applied');
  const text = await shown('ledger_commands_total');
  expect(text).toContain(`${line('applied')} 3`);
  expect(text).toContain(`${line('refused')} 1`);
});

test('the queue’s depth is that of all engines at this moment', async () => {
  let length = 3;
  const ends = [watchQueue(() => length), watchQueue(() => 1)];
  expect(await shown('ledger_queue_depth')).toMatch(/^ledger_queue_depth 4$/m);
  length = 7;
  expect(await shown('ledger_queue_depth')).toMatch(/^ledger_queue_depth 8$/m);
  for (const end of ends) end();
  expect(await shown('ledger_queue_depth')).toMatch(/^ledger_queue_depth 0$/m);
});
