import { describe, expect, it } from 'vitest';
import { parseLogLine } from './log-line.ts';

describe('parseLogLine', () => {
  it('reads level, logger and message', () => {
    expect(parseLogLine('{"level":"warning","logger":"config","message":"gRPC \\"x\\" closed"}')).toEqual({
      level: 'warn',
      logger: 'config',
      message: 'gRPC "x" closed',
    });
  });

  it.each(['Caught Segmentation fault', '{"level":', 'null', '7', '{"level":"loud"}'])(
    'keeps %j as it stands',
    (text) => {
      expect(parseLogLine(text)).toEqual({ level: 'warn', logger: '', message: text });
    },
  );
});
