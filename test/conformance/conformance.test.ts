/** Every behaviour in every variant in which it holds, against our own server. */
import { describe, it } from 'vitest';
import { CHAPTERS } from './chapters.ts';
import { Stage } from './stage.ts';

for (const { title, behaviours } of CHAPTERS) {
  describe(title, () => {
    for (const { name, variants, run } of behaviours) {
      for (const variant of variants) {
        it(`${name} (${variant.name})`, async () => {
          await using stage = await Stage.open(variant);
          await run(stage);
        });
      }
    }
  });
}
