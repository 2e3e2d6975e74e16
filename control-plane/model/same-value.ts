/**
 * Equality of plain data: nested objects and arrays of numbers, bigints, strings, booleans and null. Pure. Cheaper than
 * comparing texts: it ends at the first difference, and parts that are one and the same object aren't looked into.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (!Array.isArray(a)) return !Array.isArray(b) && sameProperties(a as Properties, b as Properties);
  if (!Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false;
  return true;
}

type Properties = Readonly<Record<string, unknown>>;

function sameProperties(a: Properties, b: Properties): boolean {
  let more = 0;
  // Names one by one: lists of them would be garbage at each comparison.
  for (const key in a) {
    const other = b[key];
    if (other === undefined ? a[key] !== undefined || !Object.hasOwn(b, key) : !sameValue(a[key], other)) return false;
    more++;
  }
  for (const _ in b) more--;
  return more === 0;
}
