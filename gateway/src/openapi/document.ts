/** The parts of an OpenAPI 3.1 document that merging looks at; everything else passes through untouched. */
export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description?: string; [key: string]: unknown };
  servers?: { url: string; description?: string }[];
  security?: Record<string, string[]>[];
  tags?: Tag[];
  paths: Record<string, PathItem>;
  components?: Components;
}

export interface Tag {
  name: string;
  description?: string;
}

export interface Components {
  schemas?: Record<string, unknown>;
  securitySchemes?: Record<string, unknown>;
}

export type PathItem = Record<string, Operation>;

export interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string }[];
  responses?: Record<string, unknown>;
  /** Any of these roles may call, and admin; left out: any user. */
  'x-roles'?: string[];
  /** Whether a program may call with an API key. */
  'x-api-keys'?: boolean;
  /** Whether the person must have proven shortly before who he is. */
  'x-step-up'?: boolean;
  [key: string]: unknown;
}
