import Type from 'typebox';

const access = {
  accessToken: Type.String(),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ description: 'Seconds' }),
};

/** The answer to a login or refresh. */
export const tokensSchema = Type.Object({
  ...access,
  refreshToken: Type.String({ description: 'Good for one refresh' }),
});

/** The answer to a step-up: the refresh token stays as it is. */
export const accessTokenSchema = Type.Object(access);
