/** Writing files that must be whole after a crash, and belong to PostgreSQL's account. */
import { chown, open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import type { User } from '../process/pdeathsig.ts';

/** Replaces the file in one instant; on disk when this resolves. */
export async function writeWhole(file: string, text: string, owner: User | null, mode = 0o600): Promise<void> {
  const temporary = `${file}.howdah-new`;
  const handle = await open(temporary, 'w', mode);
  try {
    await handle.writeFile(text);
    if (owner) await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncDirectory(path.dirname(file));
}

/**
 * Replaces the file in one instant, without waiting for the disk: for settings that are written again before
 * PostgreSQL is started after a crash, so that only what a running PostgreSQL reads matters.
 */
export async function writeVisible(file: string, text: string, owner: User | null, mode = 0o600): Promise<void> {
  const temporary = `${file}.howdah-new`;
  const handle = await open(temporary, 'w', mode);
  try {
    await handle.writeFile(text);
    if (owner) await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

/** Names in the directory are on disk when this resolves. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(path.dirname(to));
}

export async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

export async function giveTo(file: string, owner: User | null): Promise<void> {
  if (owner) await chown(file, owner.uid, owner.gid);
}
