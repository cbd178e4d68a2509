import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Fleet } from '@florin/testing';

/** The token in the newest mail that a fleet with a mail folder has kept for this address, once there is one. */
export async function mailTokenTo({ mail }: Pick<Fleet, 'mail'>, address: string): Promise<string> {
  const folder = mail ?? '';
  return await eventually(
    async () => {
      const newest = readdirSync(folder)
        .filter((file) => file.endsWith(`-${address}.txt`))
        .sort()
        .at(-1);
      const token = newest && /#token=([\w-]+)/.exec(readFileSync(join(folder, newest), 'utf8'))?.[1];
      if (!token) throw new Error(`no mail with a token to ${address}`);
      return token;
    },
    { timeoutMs: 15_000 },
  );
}
