// SPDX-License-Identifier: LGPL-2.1-only
// One build at a time in one checkout: commands in two terminals may both find the build stale.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { buildFolder } from './paths.mjs';

const lock = join(buildFolder, 'lock');

function ownerIsAlive() {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    // No such process, or no lock any more. A process of another user is alive.
    return error.code === 'EPERM';
  }
}

function take() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

/** Runs `work` while no other process builds in this checkout; removes a lock that a dead process left. */
export async function whileLocked(work) {
  mkdirSync(buildFolder, { recursive: true });
  while (!take()) {
    if (ownerIsAlive()) await setTimeout(50);
    else rmSync(lock, { force: true });
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}
