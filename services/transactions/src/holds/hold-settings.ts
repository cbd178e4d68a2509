import Type from 'typebox';

/** Seconds that a hold may last at most: 30 days. */
export const longestHoldSeconds = 2_592_000;

/** What the environment says of holds: part of the service's settings. */
export const holdSettings = {
  HOLD_EXPIRES_IN_SECONDS: Type.Integer({
    default: 604_800,
    minimum: 1,
    maximum: longestHoldSeconds,
    description: 'How long a hold lasts when its request does not say',
  }),
};
