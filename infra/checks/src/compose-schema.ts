import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false };
const Strings = Type.Array(Type.String());
const Duration = Type.String({ pattern: '^[0-9]+(ms|s|m|h)$' });

const Build = Type.Object(
  {
    context: Type.String(),
    dockerfile: Type.String(),
    args: Type.Object({ PACKAGE: Type.String(), FOLDER: Type.String() }, closed),
  },
  closed,
);

const HealthCheck = Type.Object(
  {
    test: Strings,
    interval: Duration,
    timeout: Duration,
    retries: Type.Integer(),
    start_period: Type.Optional(Duration),
  },
  closed,
);

const Dependency = Type.Object(
  { condition: Type.Union([Type.Literal('service_healthy'), Type.Literal('service_completed_successfully')]) },
  closed,
);

const ContainerSchema = Type.Object(
  {
    image: Type.Optional(Type.String()),
    build: Type.Optional(Build),
    command: Type.Optional(Strings),
    working_dir: Type.Optional(Type.String({ pattern: '^/' })),
    hostname: Type.Optional(Type.String()),
    environment: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Z_]+$' }), Type.String())),
    ports: Type.Optional(Type.Array(Type.String({ pattern: '^127\\.0\\.0\\.1:[0-9]+:[0-9]+$' }))),
    volumes: Type.Optional(Strings),
    depends_on: Type.Optional(Type.Record(Type.String(), Dependency)),
    healthcheck: Type.Optional(HealthCheck),
    restart: Type.Optional(Type.Literal('unless-stopped')),
    stop_grace_period: Type.Optional(Duration),
    logging: Type.Optional(
      Type.Object({ driver: Type.String(), options: Type.Record(Type.String(), Type.String()) }, closed),
    ),
  },
  closed,
);

/** One container of the compose file. */
export type Container = Static<typeof ContainerSchema>;

/**
 * The part of the Compose specification (compose-spec.io) that the file may use. Ports are published on loopback only,
 * and values are texts: Compose would read a bare number or `no` as something else.
 */
export const ComposeFile = Type.Object(
  {
    name: Type.String(),
    services: Type.Record(Type.String({ pattern: '^[a-z-]+$' }), ContainerSchema),
    volumes: Type.Record(Type.String(), Type.Null()),
    'x-process': Type.Unknown(),
    'x-environment': Type.Unknown(),
    'x-health': Type.Unknown(),
  },
  closed,
);
