import Type from 'typebox';

/** What the customer writes beside a movement of money, for people. Code points are counted, not bytes. */
export const descriptionField = Type.String({ maxLength: 140, description: 'Shown to both sides' });

/** What the customer writes beside a movement of money, for programs. `reference` can be searched for. */
export const metadataField = Type.Record(Type.String({ pattern: '^.{1,64}$' }), Type.String({ maxLength: 500 }), {
  maxProperties: 20,
  additionalProperties: false,
  description: 'Up to 20 texts of up to 500 characters; names of up to 64',
});
