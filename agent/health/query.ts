/** Values of a query string by parameter; what wasn't given is absent. */
export type Query = Readonly<Record<string, bigint | boolean | undefined>>;

/** The query, or what is wrong with it. Pure. */
export function parseQuery(text: string, parameters: Readonly<Record<string, 'number' | 'boolean'>>): Query | string {
  const query: Record<string, bigint | boolean> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const type = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (type === undefined) return `unknown parameter ${JSON.stringify(name)}`;
    if (Object.hasOwn(query, name)) return `${name} is given twice`;
    if (type === 'number') {
      if (!/^\d{1,19}$/.test(value)) return `${name} must be a whole number of at most 19 digits`;
      query[name] = BigInt(value);
    } else {
      if (value !== 'true' && value !== 'false') return `${name} must be true or false`;
      query[name] = value === 'true';
    }
  }
  return query;
}
