// SPDX-License-Identifier: LGPL-2.1-only
import type { Command } from 'commander';
import { MOST_PROCESSORS } from '../../machine/limits.js';
import { processorModels } from '../../machine/models/processor_models.js';
import { traceKinds } from '../../session/trace/trace_filter.js';
import { DEFAULT_PROFILE_INTERVAL, DEFAULT_TRACE_LIMIT } from '../instruments/instrument_options.js';
import { MEMORY_RANGE } from '../options/memory_size.js';
import { TIER_HELP } from '../options/tier_option.js';
import { DEFAULT_MEMORY, ONE } from './run_options.js';

/** A trace and a profile, of a run and of a replay. */
export function instrumentOptions(command: Command): Command {
  return command
    .option(
      '--trace <file>',
      'write a trace that ui.perfetto.dev opens: VM exits, interrupts, idle time and the console',
    )
    .option('--trace-limit <n>', `keep the newest N events of each kind (default: ${DEFAULT_TRACE_LIMIT})`)
    .option(
      '--trace-only <list>',
      `what the trace contains: some of ${traceKinds.join(', ')}, or names of exit reasons, with commas between`,
    )
    .option('--profile <file>', 'write a profile of the guest (.cpuprofile), and show where it spent most of its time')
    .option('--profile-interval <µs>', `virtual time between two samples (default: ${DEFAULT_PROFILE_INTERVAL})`);
}

/** What names the guest's code and data; a replay has it too. */
export const symbolsOption = [
  '--symbols <file>',
  "names of the guest's code and data: a vmlinux, another ELF file or a System.map; 'FILE@OFFSET' adds to its addresses; repeatable. A running Linux kernel's own names are known without it",
  (file: string, before: readonly string[] = []): readonly string[] => [...before, file],
] as const;

const models = processorModels.map(({ name }) => name);

/** Of the commands whose machine has modules. */
export const watchOption = [
  '--watch',
  'when a file of a module is saved, the running VMM goes on with the new code; its state is kept (docs/hot_reload.md)',
] as const;

/** Gives a command the options that say which machine to build and what runs on it. */
export function machineOptions(command: Command): Command {
  return command
    .option(
      '--guest <name>',
      'one of our own guests (cpuid, echo …), or one that bfm guest has made (debian, debian-disk)',
    )
    .option('--kernel <file>', 'a Linux bzImage, a multiboot 1 kernel, an ELF kernel with a PVH entry, or a flat image')
    .option(
      '--restore <file>',
      'go on from a file of bfm save or --save; --disk and -m name its disks and modules again; without a VMM in it, -m starts one late',
    )
    .option(
      '--initrd <file>',
      "initial RAM disk, or a module of a multiboot or PVH kernel: 'FILE' or 'FILE ARGS'; repeatable for modules",
      (file: string, before: readonly string[] = []) => [...before, file],
    )
    .option(
      '--disk <file>',
      "raw disk image, as a virtio block device: 'FILE' keeps writes in memory, 'FILE,write' changes the file; repeatable",
      (file: string, before: readonly string[] = []) => [...before, file],
    )
    .option(
      '--virtio-console <file>',
      "virtio console (hvc0): 'FILE' takes its output, 'FILE,input=FILE' types what another file has",
    )
    .option(
      '--append <text>',
      'command line of the guest; a guest of bfm guest has a default, to which this is added',
      '',
    )
    .option(...symbolsOption)
    .option(
      '--memory <size>',
      `guest RAM, ${MEMORY_RANGE} (default: ${DEFAULT_MEMORY}, or what a guest of bfm guest needs)`,
    )
    .option('--cpu <model>', `processor model: ${models.join(' or ')}`, models[0])
    .option('--cpus <n>', `logical processors, 1 to ${MOST_PROCESSORS}`, ONE)
    .option('-m, --module <file...>', 'module file, or the name of an extension; repeatable', [])
    .option('-e, --extensions <dir...>', 'another folder to look for extensions in; repeatable', [])
    .option('--set <name=value...>', 'value of a parameter that a module declares; repeatable', [])
    .option(
      '--start <when>',
      'boot: the VMM takes the processor from its first instruction (default with -m); late: when every processor is idle; off: not at all',
    )
    .option('--start-at <text>', 'start late, once this text appears on the console')
    .option(
      '--pace <pace>',
      'how idle time passes: real (as on a clock; the default on a terminal) or fast (it is skipped)',
    )
    .option('--rtc <date>', 'date and time at power-on (default 2020-01-01T00:00:00Z)')
    .option(
      '--record <file>',
      'record the run, from power-on or --restore on, for bfm replay: what comes in, and the state at intervals',
    )
    .option('--with-code', 'include the code of the modules in the recording, not only its hash', false)
    .option(
      '--real-clock',
      "modules see the host's clock and random numbers, not those of the machine; excludes --record",
      false,
    )
    .option('--exit-cost <ns>', 'virtual time that each VM exit takes, for timing checks of guests (default: 0)')
    .option('--tier <mode>', TIER_HELP, 'on')
    .option('--test-device', 'add the QEMU test device that kvm-unit-tests uses', false);
}
