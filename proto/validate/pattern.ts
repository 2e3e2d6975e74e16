/** Regular expressions in RE2's syntax. https://github.com/google/re2/wiki/Syntax */

/**
 * What JavaScript writes in another way is a SyntaxError (the `u` flag refuses unknown escapes), but for the dot: of all
 * line ends RE2's leaves out only \n.
 * @throws SyntaxError
 */
export function compilePattern(pattern: string): RegExp {
  return new RegExp(
    pattern.replace(TOKEN, (token) => (token === '.' ? '[^\\n]' : token)),
    'u',
  );
}

/** An escape, a class, or any one character. */
const TOKEN = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|./gsu;
