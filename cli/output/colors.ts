/** When output is coloured: on a terminal, unless NO_COLOR is set (https://no-color.org). */
import pico from 'picocolors';

export type Colors = ReturnType<typeof pico.createColors>;

export interface ColorSource {
  readonly isTTY?: boolean;
}

export function colorsFor(stream: ColorSource, environment: Readonly<Record<string, string | undefined>>): Colors {
  const refused = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb';
  return pico.createColors(stream.isTTY === true && !refused);
}
