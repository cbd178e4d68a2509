import { authPlugin, type KeySource } from '@florin/auth';
import { body, createServer, idSchema, problem } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import Type from 'typebox';
import { testConfig } from './test-identity.ts';

/** What accounts makes of a closure; a promise: once it resolves. */
export type Decision = 'closed' | 'refused' | 'unavailable';

/** The service accounts as far as identity asks it about owners: a real server with the real one's contract. */
export interface TestAccounts {
  url: string;
  /** Decides the next closures. */
  decide: (owner: string, attempt: number) => Decision | Promise<Decision>;
  /** Every closure that came in, as `usr_… attempt`. */
  calls: string[];
  /** The keys that service tokens are checked with; set it to identity's. */
  keys: KeySource;
  close(): Promise<void>;
}

/** Starts one on a free port. */
export async function startTestAccounts(): Promise<TestAccounts> {
  const app = createServer({ name: 'accounts', logger: createLogger({ service: 'accounts', level: 'silent' }) });
  const accounts: TestAccounts = {
    url: '',
    decide: () => 'closed',
    calls: [],
    keys: { find: async () => undefined },
    close: () => app.close(),
  };
  const keys = { find: (kid: string) => accounts.keys.find(kid) };
  authPlugin(app, { keys, issuer: testConfig.tokens.issuer, serviceName: 'accounts' });
  const schema = {
    params: body({ id: idSchema('usr') }),
    body: body({ attempt: Type.Integer({ minimum: 1 }) }),
    response: { 204: Type.Null() },
  };
  app.put(
    '/internal/owners/:id/closure',
    { schema, config: { access: { services: ['identity'] } } },
    async (request, reply) => {
      const { id } = request.params;
      const { attempt } = request.body;
      accounts.calls.push(`${id} ${attempt}`);
      const decision = await accounts.decide(id, attempt);
      if (decision === 'unavailable') throw problem('upstream_unavailable', 'Not now.');
      if (decision === 'refused') throw problem('conflict', 'There are accounts.');
      return reply.code(204).send(null);
    },
  );
  accounts.url = await app.listen({ host: '127.0.0.1', port: 0 });
  return accounts;
}
