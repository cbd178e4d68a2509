import { readFile } from 'node:fs/promises';
import { remoteKeys, serviceTokens } from '@florin/auth';
import { connectTransport } from '@florin/messaging';
import { createLogger } from '@florin/telemetry';
import { Redis } from 'ioredis';
import { apiKeys } from './api-keys/api-keys.ts';
import { keyExchange } from './api-keys/exchange.ts';
import type { GatewayDependencies } from './app.ts';
import type { Config } from './config.ts';
import { type LimitStore, ProcessLimitStore, RedisLimitStore } from './limits/limit-store.ts';
import { followRevocations } from './plugins/revocations.ts';
import { anyInstance } from './proxy/any-instance.ts';
import { RevokedSessions } from './revoked-sessions.ts';

const redisCommandTimeoutMs = 100;

type Logger = ReturnType<typeof createLogger>;

/** A client that fails fast: rate limits must never hold up a request. */
export function connectRedis(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    commandTimeout: redisCommandTimeoutMs,
    connectTimeout: 1_000,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
  });
  redis.on('error', onError);
  return redis;
}

function limitStoreFor(config: Config, logger: Logger): { store: LimitStore; close: () => void } {
  if (config.redisUrl === undefined) return { store: new ProcessLimitStore(), close: () => undefined };
  let away = false;
  const redis = connectRedis(config.redisUrl, (error) => {
    // ioredis repeats this with every attempt to connect.
    if (!away) logger.warn({ err: error }, 'Redis is away: rate limits are counted in this process');
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.info('Redis is back');
    away = false;
  });
  return { store: new RedisLimitStore(redis), close: () => redis.disconnect() };
}

/** Everything the gateway reaches out to. Nothing here fails because another process is away. */
export async function openDependencies(
  config: Config,
): Promise<GatewayDependencies & { logger: Logger; close: () => Promise<void> }> {
  const logger = createLogger({ service: 'gateway', level: config.logLevel });
  const { identity } = config.upstreamUrls;
  const atIdentity = { identityUrl: identity[0], fetch: anyInstance(identity) };
  const keys = remoteKeys({ url: new URL('/.well-known/jwks.json', identity[0]).href, fetch: atIdentity.fetch });
  const revoked = new RevokedSessions();
  const transport = config.bus && connectTransport({ ...config.bus, logger });
  const limits = limitStoreFor(config, logger);
  const clientSecret = config.serviceClientSecret;
  const tokens = serviceTokens({ ...atIdentity, clientName: 'gateway', clientSecret, keys });
  const exchange = keyExchange({ ...atIdentity, tokens });
  const feed = followRevocations({
    revoked,
    ...atIdentity,
    tokens,
    transport,
    onError: (error) => logger.warn({ err: error }, 'revoked sessions cannot be read; trying again'),
  });
  return {
    config,
    logger,
    keys,
    revoked,
    apiKeys: apiKeys({ exchange: exchange.exchange, revoked, keys }),
    limitStore: limits.store,
    openapi: await readFile(new URL('../openapi.json', import.meta.url), 'utf8'),
    async close() {
      await feed.close();
      exchange.close();
      keys.close();
      await transport?.close();
      limits.close();
    },
  };
}
