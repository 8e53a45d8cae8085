// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DEFAULT_MEMORY = 512;
/** The most that a machine can have, in MiB. A suite that asks for more gets as much. */
const MOST_MEMORY = 3072;

/** The processor model for suites that need more physical-address bits than a client has: kvm-unit-tests asks QEMU for those of the host. */
const WIDE_MODEL = 'cascadelake-server';

/** Subtests that skip themselves on one processor, although no suite of unittests.cfg gives them two. */
const NEED_TWO_PROCESSORS = ['nmi_hlt'];

/** Kernels that make a hypercall of KVM where they find QEMU's test device, and give up if there is no KVM. */
const HYPERCALL_BY_TEST_DEVICE = ['apic.flat'];

/**
 * A suite of kvm-unit-tests.
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} file the kernel, below x86/
 * @property {string} args its command line
 * @property {number} processors
 * @property {number} memory in MiB
 * @property {boolean} testDevice whether the suite is told that there is QEMU's test device
 * @property {string} [cpu] processor model, if the default does not do
 * @property {string[]} [subtests] the names of the suites that this one consists of, if each is a boot of its own
 */

/** The memory that parameters of QEMU ask for, in MiB. */
function memoryOf(parameters) {
  const [, amount, unit] = /-m (\d+)([gG]?)/.exec(parameters) ?? [];
  if (amount === undefined) return DEFAULT_MEMORY;
  return Math.min(Number(amount) * (unit === '' ? 1 : 1024), MOST_MEMORY);
}

/** The suites of the text of an unittests.cfg. */
function parseConfiguration(text) {
  const suites = new Map();
  let suite;
  for (const line of text.split('\n')) {
    const [, name] = /^\[([\w-]+)\]/.exec(line) ?? [];
    const [, key, quoted] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
    const value = quoted?.replace(/^(["'])(.*)\1$/, '$2');
    if (name !== undefined) {
      suite = { name, file: '', args: '', processors: 1, memory: DEFAULT_MEMORY, testDevice: true };
      suites.set(name, suite);
    } else if (key === 'file') {
      suite.file = value;
      suite.testDevice = !HYPERCALL_BY_TEST_DEVICE.includes(value);
    } else if (key === 'smp') suite.processors = Number(value);
    else if (key === 'test_args') suite.args = value;
    else if (key === 'qemu_params') {
      suite.memory = memoryOf(value);
      if (/host-phys-bits(?!=off)/.test(value)) suite.cpu = WIDE_MODEL;
    }
  }
  return suites;
}

/** The names that a table of vmx.flat's subtests gives, as its command line wants them. */
function subtestNames(source) {
  const table = source.slice(source.indexOf('struct vmx_test vmx_tests[]'));
  return [...table.matchAll(/^\t(?:TEST\((\w+)\)|\{ "([^"]+)")/gm)].map(([, name, title]) =>
    (name ?? title).replaceAll(' ', '_'),
  );
}

/** Whether a suite's arguments name a subtest, perhaps by a pattern such as `ept_access*`. */
function isNamedBy({ args }, subtest) {
  return args
    .split(' ')
    .some((each) => each === subtest || (each.endsWith('*') && subtest.startsWith(each.slice(0, -1))));
}

/**
 * The suites of a checkout, by name. The subtests of vmx.flat are suites too, with the memory and the processors of the suite of unittests.cfg that
 * names them.
 *
 * @param {string} folder
 * @returns {Map<string, Suite>}
 */
export function readSuites(folder) {
  const suites = parseConfiguration(readFileSync(join(folder, 'x86', 'unittests.cfg'), 'utf8'));
  const vmx = suites.get('vmx');
  if (vmx === undefined) return suites;
  const others = [...suites.values()].filter((each) => each.file === vmx.file && each !== vmx);
  vmx.subtests = subtestNames(readFileSync(join(folder, 'x86', 'vmx_tests.c'), 'utf8'));
  for (const name of vmx.subtests) {
    const like = others.find((each) => isNamedBy(each, name)) ?? vmx;
    const processors = NEED_TWO_PROCESSORS.includes(name) ? 2 : like.processors;
    suites.set(name, { ...like, name, args: name, processors, subtests: undefined });
  }
  return suites;
}
