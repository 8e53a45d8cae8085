// SPDX-License-Identifier: LGPL-2.1-only

/** An example of a command, and what it does. */
type Example = readonly [line: string, what: string];

/**
 * Examples for the help of each command, by its path; `run`, `describe` and `driver_load` have their own, longer ones.
 * A test runs those that need a machine.
 */
export const examples: Readonly<Record<string, readonly Example[]>> = {
  guest: [
    ['bfm guest', 'which guests there are, and which are made'],
    ['bfm guest debian', "Debian's cloud kernel with a busybox shell, for bfm run --guest debian"],
    ['bfm guest debian-disk', 'a minimal Debian with systemd, gcc, perl and python3 on a disk'],
    ['bfm guest debian-disk --with qemu-system-x86', 'with more packages'],
    ['bfm guest debian --again', 'from the present packages, also if it is kept'],
    ['bfm guest debian --remove', 'out of the cache'],
  ],
  replay: [
    ['bfm replay run.bfr', 'what bfm run --record run.bfr wrote, again: each recorded state is compared'],
    ['bfm replay run.bfr --until "exit 5"', 'stops after VM exit 5 and shows the processors'],
    ['bfm replay run.bfr --until 3000', 'after 3000 instructions of all processors'],
    ['bfm replay run.bfr --until "login:" --until 3000', 'at the text first, and then back at instruction 3000'],
    ["bfm replay 'http://127.0.0.1:8080/#run=…'", 'the run of a link of the page, up to the same state'],
    ['bfm replay run.bfr --compare -m vpid', 'under other modules, and which VM exit is the first that differs'],
  ],
  explore: [
    [
      'bfm explore --guest race_hook --cpus 2 -m racing_hook --until extensions/hypervisor_example_racing_hook/predicates/hook_missed.ts --record missed.bfr',
      'an EPT hook with a planted race: the shortest schedule under which the hook is missed',
    ],
    ['bfm replay missed.bfr', 'the run in which it shows'],
  ],
  driver_unload: [
    ['bfm driver_unload', 'the machine and all in it are gone'],
    ['bfm driver_unload --machine two', 'one of several machines'],
  ],
  load: [
    ['bfm load cpuidcount', 'an extension by its name'],
    ['bfm load hello/hello.modules', 'a file that lists modules'],
    ['bfm load vpid msr_bitmap', 'several, in any order'],
  ],
  unload: [['bfm unload', 'the modules are forgotten; bfm load takes others']],
  start: [
    ['bfm start', 'the running guest is put into a VM'],
    ['bfm status', 'says VMM_RUNNING then'],
  ],
  stop: [['bfm stop', 'the guest runs on without a VMM; bfm start begins again']],
  reload: [['bfm reload', 'the running VMM goes on with the new code of its modules']],
  eval: [
    ["bfm eval 'vmcs.guestRip'", 'a field of the current VMCS of vCPU 0'],
    ["bfm eval 'vcpu(1).registers.CR3'", 'a register of another processor'],
    ["bfm eval 'vcpu(0).memory.read(vcpu(0).registers.RIP, 15)'", 'the code at RIP'],
    ["bfm eval 'symbols.nameOf(vcpu(0).registers.RIP)'", 'the name of the function there'],
    ["bfm eval 'vmm.reports'", 'what the extensions report'],
    ['bfm eval', 'on a terminal, a prompt; .exit or Ctrl-D ends it. From a pipe, line by line'],
  ],
  gdb: [
    ['bfm gdb', "a private socket; prints what GDB's target remote takes"],
    ['bfm gdb 1234', 'a port of 127.0.0.1, which every user of the computer can open'],
    ['bfm gdb off', 'closes the port; the machine runs on'],
  ],
  quick: [['bfm quick cpuidcount', 'the same as bfm load cpuidcount && bfm start']],
  status: [
    ['bfm status', 'VMM_UNLOADED, VMM_LOADED, VMM_RUNNING or VMM_CORRUPT, and how the guest ended if it did'],
    ['bfm status --machine two', 'of one of several machines'],
  ],
  dump: [
    ['bfm dump', 'the debug ring of vCPU 0: what the VMM said'],
    ['bfm dump --vcpuid 1', 'of another vCPU (hexadecimal)'],
  ],
  save: [
    [
      'bfm save machine.snapshot',
      'the machine with its VMM, which keeps running; a file of that name is replaced as a whole',
    ],
    ['bfm run --restore machine.snapshot -m cpuidcount', 'goes on from there; -m names the modules that are loaded'],
    ['bfm driver_load --machine two --restore machine.snapshot -m cpuidcount', 'the same in the background'],
  ],
  vmcall: [
    ['bfm vmcall versions 1', "Bareflank's version"],
    ['bfm vmcall string json \'{"get":"count"}\'', 'a question to the extension cpuidcount'],
  ],
  'vmcall versions': [
    ['bfm vmcall versions 0', 'the version of the VMCALL protocol'],
    ['bfm vmcall versions 1', "Bareflank's"],
    ['bfm vmcall versions 10', "the user's (0xa is the same)"],
  ],
  'vmcall registers': [['bfm vmcall registers 10 ff', 'R02 = 0x10, R03 = 0xff; prints R02 … R12 as the VMM left them']],
  'vmcall string': [['bfm vmcall string unformatted hello', 'a text; the base VMM answers with the same']],
  'vmcall string unformatted': [['bfm vmcall string unformatted hello', 'the base VMM answers with the same']],
  'vmcall string json': [['bfm vmcall string json \'{"get":"count"}\'', 'a question to the extension cpuidcount']],
  'vmcall data': [['bfm vmcall data unformatted in.bin out.bin', 'at most 128 KiB each way']],
  'vmcall data unformatted': [['bfm vmcall data unformatted in.bin out.bin', 'at most 128 KiB each way']],
  'vmcall event': [['bfm vmcall event 1', 'event 0x1, which extensions may handle']],
  'vmcall unittest': [['bfm vmcall unittest 1001', 'self test 0x1001 of the base VMM']],
  console: [
    ['bfm console', "type at the guest's console; Ctrl-A X leaves it, the guest runs on"],
    ['bfm console --until "login:" --timeout 60', 'for scripts: 0 when the text comes, 124 if it does not in time'],
  ],
  new: [['bfm new extension hello', 'a folder hypervisor_hello that builds, loads and passes its own test']],
  'new extension': [
    ['bfm new extension hello', 'in extensions/ if that folder exists, else here'],
    ['bfm new extension hello -C ../mine', 'in your own folder'],
  ],
  test: [['bfm test hypervisor_hello/hello.spec.ts', 'Mocha, chai and sinon are there; no package to install']],
  completion: [
    ['source <(bfm completion bash)', 'for this shell; zsh is the same'],
    ['bfm completion fish | source', 'for fish'],
  ],
};

/** What a longer command line does is on a line of its own. */
const MOST_COLUMNS = 80;

/** The examples as a help text shows them; empty for a command that has none here. */
export function exampleText(path: string): string {
  const lines = examples[path];
  if (lines === undefined) return '';
  const width = Math.max(0, ...lines.map(([line]) => line.length).filter((length) => length <= MOST_COLUMNS));
  const shown = lines.map(([line, what]) =>
    line.length > MOST_COLUMNS ? `  ${line}\n    ${what}` : `  ${line.padEnd(width)}   ${what}`,
  );
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${shown.join('\n')}`;
}
