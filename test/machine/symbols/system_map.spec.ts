// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SymbolFileError } from '../../../src/machine/symbols/symbol_file_error.js';
import { readSystemMap } from '../../../src/machine/symbols/system_map.js';

const map = `0000000000000000 D fixed_percpu_data
0000000000001000 d gdt_page
ffffffff81000000 T _text
ffffffff81000000 t secondary_startup_64
ffffffff81000040 T startup_64
0000000001000000 A phys_startup_64
`;

describe('readSystemMap', () => {
  it('reads address, type and name, and leaves out what is no address', () => {
    const table = readSystemMap('System.map', map);
    expect(table.size).to.equal(3);
    expect(table.find(0xffffffff81000044n)).to.deep.equal({ name: 'startup_64', offset: 4n });
    expect(table.addressOf('phys_startup_64')).to.equal(undefined);
  });

  it('reads /proc/kallsyms, with modules and other ends of lines', () => {
    const table = readSystemMap(
      'kallsyms',
      'ffffffffc0000000 t ext4_init\t[ext4]\r\n\nffffffffc0000010 t next [ext4]\n',
    );
    expect(table.find(0xffffffffc0000011n)).to.deep.equal({ name: 'next', offset: 1n });
  });

  it('names the line that is none', () => {
    expect(() => readSystemMap('a.map', 'ffffffff81000000 T _text\nhello world\n')).to.throw(
      SymbolFileError,
      'a.map, line 2: "hello world" is no line of a System.map. --symbols wants an ELF file with symbols or a System.map, with lines such as "ffffffff81000000 T _text"',
    );
  });

  it('says where the map of a Debian kernel is', () => {
    const line = 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n';
    expect(() => readSystemMap('System.map', line)).to.throw(
      SymbolFileError,
      /in the package linux-image-<version>-dbg/,
    );
  });

  it('refuses a map in which every address is hidden', () => {
    expect(() => readSystemMap('kallsyms', '0000000000000000 T _text\n')).to.throw(SymbolFileError, 'has no symbol');
  });
});
