import Type from 'typebox';

/** A token as it came by mail. Its form is not checked: one that cannot be is as wrong as one that is unknown. */
export const tokenSchema = Type.String({ minLength: 1, maxLength: 200, description: 'From the mail; good once' });
