/** Regular expressions in RE2's syntax. https://github.com/google/re2/wiki/Syntax */

const ANY_CASE = '(?i)';

/**
 * What JavaScript writes in another way is a SyntaxError (the `u` flag refuses unknown escapes), but for `(?i)` at the
 * start, and the dot: of all line ends RE2's leaves out only \n.
 * @throws SyntaxError
 */
export function compilePattern(pattern: string): RegExp {
  const anyCase = pattern.startsWith(ANY_CASE);
  const rest = anyCase ? pattern.slice(ANY_CASE.length) : pattern;
  const source = rest.replace(TOKEN, (token) => (token === '.' ? '[^\\n]' : token));
  return new RegExp(source, anyCase ? 'iu' : 'u');
}

/** An escape, a class, or any one character. */
const TOKEN = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|./gsu;
