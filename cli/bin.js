#!/usr/bin/env node
// The command `howdah`. Written in syntax that Node 12 can read, so that an old Node is told what to do instead of
// stumbling over the rest. In a checkout it runs the sources, in an installed package what was built from them.
// biome-ignore lint/style/useNodejsImportProtocol: old versions don't know the protocol.
import { existsSync } from 'fs';

const OLDEST = [22, 19];
const MISSING_DEPENDENCY_EXIT = 10;
const INTERNAL_EXIT = 70;

const [major, minor] = process.versions.node.split('.').map(Number);

// Node 22 runs TypeScript as we do, but says at every start that this is experimental.
function hideTypeStrippingWarning() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, type, ...rest) => {
    if (type !== 'ExperimentalWarning' || !/Type Stripping/i.test(String(warning))) {
      emit.call(process, warning, type, ...rest);
    }
  };
  // The same for the processes that we start.
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS || ''} --disable-warning=ExperimentalWarning`;
}

function fail(text, exitCode) {
  process.stderr.write(`howdah: ${text}\n`);
  process.exitCode = exitCode;
}

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  fail(
    `Node ${process.versions.node} is too old: Howdah needs Node ${OLDEST.join('.')} or newer. In a checkout \`npm ci\` brings Node 24: run \`npx howdah\` or \`npm run howdah --\`.`,
    MISSING_DEPENDENCY_EXIT,
  );
} else {
  if (major === 22) hideTypeStrippingWarning();
  const source = new URL('./main.ts', import.meta.url);
  const built = new URL('../dist/cli/main.js', import.meta.url);
  import(existsSync(source) ? source.href : built.href)
    .then((program) => program.main())
    .catch((error) => fail(error instanceof Error ? error.stack : String(error), INTERNAL_EXIT));
}
