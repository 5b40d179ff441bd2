/** A number as a form holds it: an empty field is "". */
export type NumberField = number | "";

export const numberOr = (field: NumberField, otherwise = 0): number => (field === "" ? otherwise : field);
