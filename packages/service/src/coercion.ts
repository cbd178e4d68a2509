type Values = Record<string, unknown>;

function coerce(type: unknown, value: unknown): unknown {
  if (type === 'array') return Array.isArray(value) ? value : [value];
  if (typeof value !== 'string') return value;
  if (type === 'integer' && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (type === 'number' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

/**
 * Turns texts into the integers, numbers, booleans and lists that `properties` (JSON schemas) ask for. Unlike Ajv's own
 * coercion it takes plain decimals and `true`/`false` alone: `0x10`, `1e2` and `' 1'` stay texts and fail the check.
 */
export function coerceTexts(properties: Record<string, unknown>, values: Values): Values {
  const result: Values = {};
  for (const [name, value] of Object.entries(values)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const type = typeof schema === 'object' && schema !== null && 'type' in schema ? schema.type : undefined;
    Object.defineProperty(result, name, {
      value: coerce(type, value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}
