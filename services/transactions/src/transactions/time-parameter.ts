import Type, { type TString } from 'typebox';

const time = '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?$';

/** Query parameter for an instant: an RFC 3339 time, or a date, which is its first instant in UTC. */
export function timeParameter(description: string): TString {
  return Type.String({ pattern: time, description: `${description}: RFC 3339, or yyyy-mm-dd for its start in UTC` });
}

/** The instant, to the millisecond; undefined for times that no calendar has. */
export function parseTime(text: string): Date | undefined {
  const parsed = new Date(text);
  if (Number.isNaN(parsed.getTime())) return undefined;
  // The calendar of Date turns 30 February into 1 March.
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? parsed : undefined;
}
