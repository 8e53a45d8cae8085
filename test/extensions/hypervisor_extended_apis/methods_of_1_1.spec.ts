// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EptEntryIntelX64 } from '../../../extensions/hypervisor_extended_apis/ept_entry_intel_x64.js';
import { ExtendedApisIntelX64 } from '../../../extensions/hypervisor_extended_apis/extended_apis.js';
import { RootEptIntelX64 } from '../../../extensions/hypervisor_extended_apis/root_ept_intel_x64.js';
import { root } from '../../architecture/source_files.js';

const accesses = (kind: string): string[] => [
  ...['trap_on', 'pass_through', 'whitelist', 'blacklist', 'log'].map((what) => `${what}_${kind}_access`),
  ...['trap_on', 'pass_through'].map((what) => `${what}_all_${kind}_accesses`),
  `clear_${kind}_access_log`,
];
const entryBits = ['read_access', 'write_access', 'execute_access', 'memory_type', 'ignore_pat', 'entry_type']
  .concat(['accessed', 'dirty', 'execute_access_user', 'phys_addr', 'suppress_ve'])
  .flatMap((name) => [name, `set_${name}`]);
const sizes = ['1g', '2m', '4k'];

/** The methods that extended_apis 1.1 has and that have a meaning here, by the class that has them here. */
const methods: [{ readonly name: string; readonly prototype: object }, string[]][] = [
  [
    ExtendedApisIntelX64,
    [
      ...['vpid', 'io_bitmaps', 'msr_bitmap', 'ept'].flatMap((what) => [`enable_${what}`, `disable_${what}`]),
      ...['io', 'rdmsr', 'wrmsr'].flatMap(accesses),
      ...['set_eptp', 'resume', 'advance_and_resume', 'register_monitor_trap', 'clear_monitor_trap'],
    ],
  ],
  [
    RootEptIntelX64,
    [
      ...['eptp', 'unmap', 'gpa_to_epte', 'ept_to_mdl'],
      ...sizes.flatMap((size) => [`map_${size}`, `setup_identity_map_${size}`, `unmap_identity_map_${size}`]),
    ],
  ],
  [EptEntryIntelX64, [...entryBits, 'trap_on_access', 'pass_through_access', 'clear']],
];

const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, first: string) => first.toUpperCase());

describe('extended_apis 1.1', () => {
  const readme = readFileSync(join(root, 'extensions', 'hypervisor_extended_apis', 'README.md'), 'utf8');

  for (const [type, names] of methods) {
    it(`has its methods in ${type.name}`, () => {
      const missing = names.map(camelCase).filter((name) => !(name in type.prototype));
      expect(missing).to.deep.equal([]);
    });

    it(`has a row of the README for each method of ${type.name}`, () => {
      // Of those that come in kinds or sizes one is spelt out.
      const spelt = names
        .map((name) =>
          name
            .replace('wrmsr', 'rdmsr')
            .replace(/^(log|clear)_rdmsr/, '$1_io')
            .replace(/^set_(?!eptp)/, ''),
        )
        .map((name) => name.replace(/^((setup|unmap)_identity_map)_.*/, '$1_1g'));
      expect(spelt.filter((name) => !readme.includes(`\`${name}\``))).to.deep.equal([]);
    });
  }
});
