import { idSchema } from '@florin/service';
import Type from 'typebox';
import { passwordLength } from '../passwords/password-policy.ts';
import { emailPattern, kycLevels, namePattern, roles } from './user.ts';

/** Schemas of fields that several routes share. */
export const emailSchema = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern: emailPattern,
  description: 'Upper and lower case are the same',
});

export const newPasswordSchema = Type.String({
  minLength: 1,
  maxLength: passwordLength.max,
  description: `${passwordLength.min} to ${passwordLength.max} characters; not a common password, nor made of the email, the name or "florin"`,
});

export const nameSchema = Type.String({ minLength: 1, maxLength: 100, pattern: namePattern });

export const localeSchema = Type.String({ minLength: 2, maxLength: 35, description: 'BCP 47, such as en-GB' });

export const roleSchema = Type.Enum([...roles]);

export const statusSchema = Type.Enum(['active', 'disabled']);

export const kycLevelSchema = Type.Enum([...kycLevels], { description: 'How well the bank knows the customer' });

const registered = {
  id: idSchema('usr'),
  email: Type.String(),
  name: Type.String(),
  roles: Type.Array(roleSchema),
  emailVerified: Type.Boolean(),
  createdAt: Type.String({ format: 'date-time' }),
};

/** The answer to a registration. */
export const registeredSchema = Type.Object(registered);

/** A user as he and operators see him. */
export const userSchema = Type.Object({ ...registered, locale: Type.String(), status: statusSchema });

/** What a list of users can be asked for. */
export const listedStatusSchema = Type.Enum(['active', 'disabled', 'erased']);

const unlessErased = Type.Union([Type.String(), Type.Null()], { description: 'null: erased' });

/** A user as operators see him. */
export const staffUserSchema = Type.Object({
  ...userSchema.properties,
  email: unlessErased,
  name: unlessErased,
  locale: unlessErased,
  status: listedStatusSchema,
  kycLevel: kycLevelSchema,
  erasedAt: Type.Optional(Type.String({ format: 'date-time' })),
});
