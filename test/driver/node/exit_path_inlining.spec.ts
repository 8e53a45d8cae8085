// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { ExitPathInlining } from '../../../src/driver/node/exit_path_inlining.js';

const module = new URL('../../../src/driver/node/exit_path_inlining.js', import.meta.url).href;

describe('inlineExitPath', () => {
  it('sets a flag that this V8 knows: it would say on stderr that it does not', () => {
    const script = `const { inlineExitPath } = await import('${module}'); inlineExitPath(); inlineExitPath(); console.log('set');`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect({ stdout: child.stdout, stderr: child.stderr }).to.deep.equal({ stdout: 'set\n', stderr: '' });
  });
});

describe('ExitPathInlining', () => {
  const QUANTUM = 50_000;
  let calls: number;
  let inlining: ExitPathInlining;
  let instructions: number;
  let processors: { exitsHandled: number }[];

  beforeEach(() => {
    calls = 0;
    inlining = new ExitPathInlining(() => calls++);
    instructions = 0;
    processors = [{ exitsHandled: 0 }, { exitsHandled: 0 }];
  });

  /** Quanta with so many exits of a processor each. */
  function run(quanta: number, exits: number, processor = 0): void {
    for (let quantum = 0; quantum < quanta; quantum++) {
      instructions += QUANTUM;
      const { exitsHandled } = processors[processor]!;
      processors[processor] = { exitsHandled: (exitsHandled + exits) | 0 };
      inlining.quantumEnded({ instructions, processors });
    }
  }

  describe('.quantumEnded', () => {
    it('inlines the path after a quantum full of exits, once', () => {
      run(3, 4000);
      expect(calls).to.equal(1);
    });

    it('inlines it within 2,000 exits of a guest that exits once in 250 instructions', () => {
      run(2000 / (QUANTUM / 250), QUANTUM / 250);
      expect(calls).to.equal(1);
    });

    it('leaves it alone when a system runs that exits once in 1,000 instructions, for ever', () => {
      run(10_000, QUANTUM / 1000);
      expect(calls).to.equal(0);
    });

    it('leaves it alone when a system that boots executes some hundred CPUIDs at once', () => {
      run(1, 800);
      run(8, 0);
      run(1, 800);
      expect(calls).to.equal(0);
    });

    it('counts the exits of all processors', () => {
      run(4, 300, 0);
      run(4, 300, 1);
      expect(calls).to.equal(1);
    });

    it('takes no reset of a machine for exits', () => {
      run(1, 900);
      instructions = 0;
      processors = [{ exitsHandled: 0 }, { exitsHandled: 0 }];
      run(10, 0);
      expect(calls).to.equal(0);
    });

    it('counts on when the counter of a processor overflows', () => {
      processors = [{ exitsHandled: 0x7fffffff }, { exitsHandled: 0 }];
      instructions = 2 ** 40;
      inlining.quantumEnded({ instructions, processors });
      run(1, 1);
      expect(calls).to.equal(0);
      run(1, 2000);
      expect(calls).to.equal(1);
    });
  });
});
