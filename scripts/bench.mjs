// SPDX-License-Identifier: LGPL-2.1-only
// npm run bench [-- --json]: the machine's speed next to the same work as straight WebAssembly in the same run, what a VMM costs (an exit, a device
// access, a wait, a hook, a read of guest memory), what a reset and a restore take, and the time to a guest's first character. Medians of five. Every instruction count is asserted:
// a faster wrong machine fails.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import asc from 'assemblyscript/asc';
import {
  built,
  expectInstructions,
  guestMips,
  loops,
  median,
  newPc,
  readForms,
  runToEnd,
} from './bench/bench_machine.mjs';
import { root } from './build/paths.mjs';

const RUNS = 5;
const { values: options } = parseArgs({ options: { json: { type: 'boolean' } } });

const EXITS = 1_000_000;
const HITS = 20_000;
const RESETS = 400;
const RESET_PAGES = 64;
/** Where the host's pages are. */
const RESET_FROM = 192 << 20;
/** In use in Debian's guest of `bfm guest debian` at its prompt. */
const RESTORED_PAGES = 21_363;
const RESTORED_FROM = 4 << 20;
/** Guests whose events cost more under a VMM: how many events, and instructions from the guest's first to its last. */
const events = {
  mmioNs: { guest: 'bench_mmio', count: 1_000_000, instructions: 3 * 1_000_000 + 5 },
  idleNs: { guest: 'bench_idle', count: 20_000, instructions: 8 * 20_000 + 22 },
};

async function medianOf(measure) {
  const results = [];
  for (let i = 0; i < RUNS; i++) results.push(await measure());
  return median(results);
}

async function hostModule() {
  let binary;
  const { error, stderr } = await asc.main(
    ['host_loops.ts', '-O3', '--runtime', 'stub', '--initialMemory', '32', '-o', 'host.wasm'],
    {
      readFile: (name) => {
        try {
          return readFileSync(join(root, 'scripts', 'bench', name), 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (name, data) => (binary = data),
    },
  );
  if (error) throw new Error(stderr.toString());
  return new WebAssembly.Module(binary);
}

function hostMips(module, { export: name, iterations, instructions }) {
  const loop = new WebAssembly.Instance(module).exports[name];
  loop(1e6);
  const start = performance.now();
  loop(iterations);
  return instructions / (performance.now() - start) / 1e3;
}

/**
 * Runs a guest to its end under the VMM with a module.
 *
 * @param settings of the module's parameters. @returns the machine, milliseconds, the counts of exits by reason, and the module's reports.
 */
async function underVmm(guest, module, settings = {}) {
  const [{ Driver }, { moduleFiles }, { ExitPathInlining }] = await Promise.all([
    built('src/driver/driver.js'),
    built('src/driver/node/module_files.js'),
    built('src/driver/node/exit_path_inlining.js'),
  ]);
  const inlining = new ExitPathInlining();
  const { pc, boot } = await newPc(guest);
  const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
  const file = join(root, module);
  if (file.endsWith('.modules')) driver.addModules(file);
  else driver.addModule(file);
  await driver.load(settings);
  boot();
  driver.start();
  const milliseconds = runToEnd(pc, () => inlining.quantumEnded(pc));
  const result = { pc, milliseconds, exits: [...pc.exits()], reports: driver.reports() };
  driver.close();
  return result;
}

const cpuidcount = 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules';

/** Nanoseconds a CPUID exit costs: a loop of 10^6 under the VMM with cpuidcount, handlers from the containers. */
async function exitNs() {
  const { milliseconds, exits, reports } = await underVmm('bench_cpuid', cpuidcount);
  const counted = reports.cpuidcount.count;
  if (counted !== EXITS || exits[10] !== EXITS)
    throw new Error(`${counted} exits counted, ${exits[10]} taken, expected ${EXITS}`);
  return (milliseconds * 1e6) / EXITS;
}

/** Nanoseconds that one of a guest's events takes on the bare machine. */
async function bareNs({ guest, count, instructions }) {
  const { pc, boot } = await newPc(guest);
  boot();
  const milliseconds = runToEnd(pc);
  expectInstructions(pc, guest, instructions);
  return (milliseconds * 1e6) / count;
}

/** The same under the VMM. */
async function hostedNs({ guest, count, instructions }) {
  const { pc, milliseconds } = await underVmm(guest, cpuidcount);
  expectInstructions(pc, guest, instructions);
  return (milliseconds * 1e6) / count;
}

/** Microseconds of a hit of an EPT hook: an EPT violation, a step in the other view, and a monitor trap. */
async function hookUs() {
  const module = 'extensions/hypervisor_example_ept_hook/ept_hook.modules';
  const { milliseconds, reports } = await underVmm('bench_hook', module, { 'ept_hook.address': '0x400000' });
  const { taken } = reports['ept-hook'];
  if (taken !== HITS) throw new Error(`${taken} hits counted, expected ${HITS}`);
  return (milliseconds * 1e3) / HITS;
}

/** Nanoseconds of a read of the guest's memory in a handler. */
async function guestReads() {
  return (await underVmm('bench_cpuid', 'scripts/bench/guest_reads.ts')).reports['guest-reads'];
}

/** A machine with 256 MiB: Debian at its prompt if `bfm guest debian` has made that, or else a guest of ours. */
async function machineToReset() {
  const [{ createMachine, ownGuest }, { findGuest }] = await Promise.all([
    built('src/machine_api.js'),
    built('src/bfm/guests/find_guest.js'),
  ]);
  const machine = await createMachine({ memoryMiB: 256 });
  const file = (path, name) => ({ name, bytes: new Uint8Array(readFileSync(path)), arguments: '' });
  try {
    const { kernel, initrd, commandLine } = findGuest('debian');
    machine.boot({ kernel: file(kernel, 'vmlinuz'), modules: [file(initrd, 'initrd')], append: commandLine });
    while (!machine.output.includes('# ')) if (machine.run(1e6)) throw new Error(machine.output);
    return { machine, guest: 'Debian' };
  } catch (error) {
    if (error.constructor.name !== 'GuestError') throw error;
    machine.boot({ kernel: ownGuest('bench_memory') });
    machine.run(2e6);
    return { machine, guest: 'a guest of ours' };
  }
}

/** Microseconds of a reset after a typed byte, 50 µs of the guest, and writes of the host up to so many pages. */
function medianReset(machine) {
  const { pc } = machine;
  const hash = pc.stateHash();
  const moment = machine.mark();
  const times = [];
  for (let round = 0; round < RESETS; round++) {
    machine.type([0x61]);
    machine.run(50_000);
    const pages = () => pc.core.dirtyPages.reduce((sum, mark) => sum + mark, 0);
    for (let page = RESET_PAGES - pages(); page > 0; page--) machine.write(RESET_FROM + page * 4096, [round]);
    const start = performance.now();
    machine.reset(moment);
    times.push((performance.now() - start) * 1e3);
  }
  if (pc.stateHash() !== hash) throw new Error('a reset machine has another state than at its mark');
  return Math.round(median(times));
}

/** The same without and with a VMM. */
async function resetUs() {
  const { machine, guest } = await machineToReset();
  const bare = medianReset(machine);
  machine.driver.addModules(join(root, cpuidcount));
  await machine.driver.load();
  machine.driver.start();
  machine.run(1e6);
  const hosted = medianReset(machine);
  machine[Symbol.dispose]();
  return { bare, hosted, guest };
}

/** Writes a snapshot of a machine with 256 MiB, of which as many pages are in use as in a Debian that has booted. */
async function writeLargeSnapshot(path) {
  const { writeSnapshot } = await built('src/bfm/snapshot/snapshot_file.js');
  const { pc, boot } = await newPc('bench_alu', 256 << 20);
  boot();
  const page = new Uint32Array(1024);
  for (let number = 0; number < RESTORED_PAGES; number++) {
    page.fill(number + 1);
    pc.core.guestRam.set(new Uint8Array(page.buffer), RESTORED_FROM + number * 4096);
  }
  const facts = {
    testDevice: false,
    virtioConsole: null,
    disks: [],
    images: [],
    append: '',
    moduleFiles: [],
    rtcStart: 0,
  };
  const { instructions, virtualTime } = pc;
  const place = { instructions, virtualTime, stateHash: pc.stateHash(), seed: 0, lastOutput: '' };
  await writeSnapshot(path, pc.save(), facts, place);
}

/** Milliseconds from a snapshot's file to a machine whose state has been compared with the saved one. */
async function restoreMs(path) {
  const { readSnapshot } = await built('src/bfm/snapshot/snapshot_file.js');
  const start = performance.now();
  const { header, state } = await readSnapshot(path);
  const { pc } = await newPc('bench_alu', header.memoryBytes);
  pc.restore(state);
  if (pc.stateHash() !== header.stateHash) throw new Error('a restored machine has another state than the saved one');
  return performance.now() - start;
}

async function restoring() {
  const folder = mkdtempSync(join(tmpdir(), 'bareflank-bench-'));
  try {
    const path = join(folder, 'snapshot');
    await writeLargeSnapshot(path);
    return await medianOf(() => restoreMs(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds from the start of the process `bfm run` to the guest's first character. Its messages are shown only if it fails. */
function startupMs() {
  return new Promise((done, failed) => {
    const start = performance.now();
    const child = spawn(process.execPath, [join(root, 'bin/bfm.mjs'), 'run', '--guest', 'cpuid', '--append', '1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let first;
    let said = '';
    child.stdout.on('data', () => (first ??= performance.now() - start));
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('error', failed);
    child.on('close', (code) => {
      if (code === 0) done(first);
      else failed(new Error(`bfm run ended with status ${code}:\n${said}`));
    });
  });
}

const module = await hostModule();
const forms = await readForms();
const result = { guestMips: {}, compiledMips: {}, hostMips: {} };
for (const [name, loop] of Object.entries(loops)) {
  result.guestMips[name] = Math.round(await medianOf(() => guestMips(loop, name)));
  result.compiledMips[name] = Math.round(
    await medianOf(() => guestMips(loop, name, { mode: 'on', forms: () => forms })),
  );
  result.hostMips[name] = Math.round(await medianOf(() => hostMips(module, loop)));
}
result.exitNs = Math.round(await medianOf(exitNs));
for (const [name, event] of Object.entries(events)) {
  const bare = Math.round(await medianOf(() => bareNs(event)));
  const hosted = Math.round(await medianOf(() => hostedNs(event)));
  result[name] = { bare, hosted };
}
result.hookUs = Number((await medianOf(hookUs)).toFixed(1));
result.resetUs = await resetUs();
result.restoreMs = Math.round(await restoring());
const reads = await guestReads();
result.guestReadNs = { physical: Math.round(reads.physicalNs), virtual: Math.round(reads.virtualNs) };
result.startupMs = Math.round(await medianOf(startupMs));

if (options.json) console.log(JSON.stringify(result));
else {
  for (const name of Object.keys(loops)) {
    const guest = result.guestMips[name];
    const host = result.hostMips[name];
    const compiled = result.compiledMips[name];
    console.log(
      `${name.padEnd(8)} interpreted ${guest} MIPS, compiled ${compiled} MIPS from the first instruction on (${(compiled / guest).toFixed(1)} times), host ${host} MIPS`,
    );
  }
  console.log(`exit     ${result.exitNs} ns a CPUID exit (${EXITS} of them, cpuidcount loaded)`);
  const times = ({ bare, hosted }) =>
    `${hosted} ns under the VMM, ${bare} ns without (${(hosted / bare).toFixed(1)} times)`;
  console.log(`mmio     ${times(result.mmioNs)}: a read of the local APIC`);
  console.log(`idle     ${times(result.idleNs)}: a wait in HLT for the next timer interrupt`);
  console.log(
    `hook     ${result.hookUs} us a hit of an EPT hook (${((result.hookUs * 1000) / result.exitNs).toFixed(0)} CPUID exits)`,
  );
  const { physical, virtual } = result.guestReadNs;
  console.log(
    `memory   ${physical} ns a read of guest memory in a handler by physical address, ${virtual} ns by virtual address`,
  );
  console.log(
    `reset    ${result.resetUs.bare} us to a marked moment of ${result.resetUs.guest} with 256 MiB, after writes to ${RESET_PAGES} pages; ${result.resetUs.hosted} us with a VMM`,
  );
  console.log(
    `restore  ${result.restoreMs} ms from a snapshot's file to a machine with 256 MiB, ${RESTORED_PAGES} pages of them in use`,
  );
  console.log(`startup  ${result.startupMs} ms to the guest's first character`);
}
