/** The full name of the type that a type URL tells, as in an Any; the URL itself where it has no slash. */
export function typeNameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
