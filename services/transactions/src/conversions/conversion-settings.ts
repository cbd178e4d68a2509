import Type from 'typebox';

/** What the environment says of conversions: part of the service's settings. */
export const conversionSettings = {
  FX_SPREAD_BASIS_POINTS: Type.Integer({
    default: 50,
    minimum: 0,
    maximum: 5_000,
    description:
      'What the rate of a conversion is worse for the customer than the mid-market rate, in hundredths of a percent',
  }),
};
