// The program that takes the mails of a local fleet: mail-sink.ts <port> <folder>
import { openMailFolder } from './mail-folder.ts';
import { startMailServer } from './mail-server.ts';

const [port, folder] = process.argv.slice(2);

try {
  if (port === undefined || folder === undefined) throw new Error('usage: mail-sink.ts <port> <folder>');
  const { keep } = openMailFolder(folder);
  const server = await startMailServer({
    port: Number(port),
    keep,
    onError: (error) => console.error(`mail-sink: ${error.message}`),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
} catch (error) {
  console.error(`mail-sink: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
