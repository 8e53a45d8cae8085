// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildFolder } from '../build/paths.mjs';
import { SHELL_PROMPT, WORK_DONE, WORK_DONE_COMMAND, WORK_SCRIPT } from './work_script.mjs';

const MEMORY = 512 << 20;
/** Shells that work at the same time. */
const SHELLS = 4;
/** Machines take turns of so many instructions, so that a load of the computer falls on all of them. */
const TURN_INSTRUCTIONS = 5e7;

const file = (path) => ({ name: basename(path), bytes: new Uint8Array(readFileSync(path)), arguments: '' });

/** The guest `debian` on a number of processors. Its console is watched for the next text. */
class Machine {
  #shown = '';
  #wanted = '';
  /** Whether the console has shown the text that `watch` named. */
  isReached = false;
  instructions = 0;
  wallSeconds = 0;
  processorSeconds = 0;

  async boot(coreModule, processors, { kernel, initrd, commandLine }) {
    const { Pc } = await import(join(buildFolder, 'src/machine/pc.js'));
    const com1 = (byte) => this.#consoleByte(byte);
    this.pc = await Pc.create({ coreModule, memoryBytes: MEMORY, processors, com1, com2: () => {} });
    this.pc.boot({ kernel: file(kernel), modules: [file(initrd)], append: commandLine });
    this.watch(SHELL_PROMPT);
    while (!this.isReached) this.turn();
  }

  watch(text) {
    this.#shown = '';
    this.#wanted = text;
    this.isReached = false;
  }

  type(line) {
    this.pc.chipset.com1.receive(Uint8Array.from(`${line}\n`, (character) => character.charCodeAt(0)));
  }

  /** Runs a turn and measures it. */
  turn() {
    const { pc } = this;
    const [instructions, wall, used] = [pc.instructions, performance.now(), process.cpuUsage()];
    while (!this.isReached && pc.instructions < instructions + TURN_INSTRUCTIONS) {
      const end = pc.runQuantum(() => true);
      if (end !== undefined) throw new Error(`the guest ended by ${end.kind} (${end.detail}):\n${this.#shown}`);
    }
    const { user, system } = process.cpuUsage(used);
    this.instructions += pc.instructions - instructions;
    this.wallSeconds += (performance.now() - wall) / 1e3;
    this.processorSeconds += (user + system) / 1e6;
  }

  #consoleByte(byte) {
    this.#shown += String.fromCharCode(byte);
    if (this.#shown.endsWith(this.#wanted)) this.isReached = true;
  }

  forgetMeasures() {
    this.instructions = this.wallSeconds = this.processorSeconds = 0;
  }
}

/**
 * What the work script costs when four shells run it side by side.
 *
 * @param {WebAssembly.Module} coreModule
 * @param {number[]} counts of processors
 * @returns for each count the instructions, and the nanoseconds that one takes: of the clock and of the process
 * @throws {Error} if the guest `debian` is not made
 */
export async function workSideBySide(coreModule, counts) {
  const { findGuest } = await import(join(buildFolder, 'src/bfm/guests/find_guest.js'));
  const guest = findGuest('debian');
  const machines = counts.map(() => new Machine());
  for (const [i, count] of counts.entries()) await machines[i].boot(coreModule, count, guest);
  for (const machine of machines) {
    machine.forgetMeasures();
    machine.watch(WORK_DONE);
    machine.type(`work() { ${WORK_SCRIPT}; }`);
    machine.type(`for each in $(seq ${SHELLS}); do work >/dev/null & done; wait; ${WORK_DONE_COMMAND}`);
  }
  for (let left = machines; left.length > 0; left = left.filter(({ isReached }) => !isReached))
    for (const machine of left) machine.turn();
  return machines.map(({ instructions, wallSeconds, processorSeconds }, i) => ({
    processors: counts[i],
    instructions,
    wall: (1e9 * wallSeconds) / instructions,
    process: (1e9 * processorSeconds) / instructions,
  }));
}
