import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { readLines } from './read-lines.ts';

async function readIn(chunks: Buffer[]): Promise<{ lines: string[]; times: number }> {
  const stream = new PassThrough();
  const read = { lines: [] as string[], times: 0 };
  readLines(stream, (lines) => {
    read.lines.push(...lines);
    read.times += 1;
  });
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  return read;
}

it('lines are whole, wherever the text was cut, and the last needs no break', async () => {
  const text = Buffer.from('{"a":1}\n\nzwölf €\nlast');
  const bytes = [...text].map((byte) => Buffer.of(byte));
  expect((await readIn(bytes)).lines).toEqual(['{"a":1}', '', 'zwölf €', 'last']);
});

it('lines that come together are given together', async () => {
  expect(await readIn([Buffer.from('one\ntwo\nthree\n')])).toEqual({ lines: ['one', 'two', 'three'], times: 1 });
});
