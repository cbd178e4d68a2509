import { readFileSync } from 'node:fs';

/** `.florin/fleet.json`: what runs now, for tools and tests. It holds passwords; mode 0600. */
export interface FleetFile {
  gateway: string;
  console: string | null;
  processes: { name: string; pid: number; url: string; metrics: string }[];
  /** A superuser's address, in the fleet's database. `pid` only where the fleet started it. */
  postgres: { url: string; pid?: number };
  amqp: string | null;
  redis: string | null;
  /** The folder where mails end, the newest last in a listing; null when SMTP_URL takes them elsewhere. */
  mail: string | null;
  admin: { email: string; password: string };
}

/** @throws Error when no fleet runs there */
export function readFleetFile(file: string): FleetFile {
  return JSON.parse(readFileSync(file, 'utf8')) as FleetFile;
}
