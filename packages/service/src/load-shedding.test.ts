import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testServer } from './testing.ts';

const requests = 24;
const workMs = 30;

/** Keeps the thread busy for so many milliseconds of its own, however busy the machine is. */
function work(ms = workMs): void {
  const threadMs = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const startedAt = threadMs();
  while (threadMs() - startedAt < ms);
}

/** Sends a burst of requests that cost 30 ms each, all at once on connections of their own. Statuses in the order of arrival. */
async function burst(options: { loadShedding: boolean }, path = '/work'): Promise<string[]> {
  const app = testServer(options);
  onTestFinished(() => app.close());
  app.get('/work', async () => work());
  app.get('/probe', { config: { operational: true } }, async () => work());
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  let accepted = 0;
  const sockets = await new Promise<Socket[]>((resolve) => {
    const opened = Array.from({ length: requests }, () => connect(port, '127.0.0.1'));
    app.server.on('connection', () => ++accepted === requests && resolve(opened));
  });
  const answers: string[] = [];
  const answered = sockets.map(
    (socket) => new Promise<void>((resolve) => socket.once('data', (data) => resolve(void answers.push(String(data))))),
  );
  for (const socket of sockets) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await Promise.all(answered);
  for (const socket of sockets) socket.destroy();
  return answers;
}

const servedOf = (answers: string[]) => answers.filter((answer) => answer.startsWith('HTTP/1.1 200')).length;

describe('load shedding in a turn of the event loop', () => {
  test('of a burst, what there is no time for is 503 with Retry-After before all before it has been served', async () => {
    const answers = await burst({ loadShedding: true });
    // Some may be read in a second turn. Who is refused has waited for no more than what was served before.
    expect(servedOf(answers)).toBeLessThanOrEqual((2 * 280) / workMs);
    expect(servedOf(answers)).toBeGreaterThan(0);
    const refused = answers.filter((answer) => answer.startsWith('HTTP/1.1 503'));
    expect(refused).toHaveLength(requests - servedOf(answers));
    for (const answer of refused) {
      expect(answer.toLowerCase()).toContain('\r\nretry-after: 1\r\n');
      expect(answer).toContain('"code":"upstream_unavailable"');
    }
  });

  test('control: without it the last of the burst waits for all before it', async () => {
    expect(servedOf(await burst({ loadShedding: false }))).toBe(requests);
  });

  test('operational routes are served however late it is', async () => {
    expect(servedOf(await burst({ loadShedding: true }, '/probe'))).toBe(requests);
  });
});

describe('load shedding while the event loop is a second behind', () => {
  async function statusesAfter(block: () => void, times = 2): Promise<number[]> {
    const app = testServer({ loadShedding: true });
    onTestFinished(() => app.close());
    app.get('/work', async () => ({}));
    expect((await app.inject('/work')).statusCode).toBe(200);
    for (let time = 0; time < times; time += 1) {
      block();
      // It looks in the next turn.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [shed, live] = [await app.inject('/work'), await app.inject('/health/live')];
    return [shed.statusCode, live.statusCode];
  }

  test('by its own work, requests are 503 and health is not', async () => {
    expect(await statusesAfter(() => work(1_200))).toEqual([503, 200]);
  });

  test('one long turn that is over refuses nothing', async () => {
    expect(await statusesAfter(() => work(1_200), 1)).toEqual([200, 200]);
  });

  test('because the machine stood still, nothing is refused', async () => {
    const standStill = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
    expect(await statusesAfter(standStill)).toEqual([200, 200]);
  });
});
