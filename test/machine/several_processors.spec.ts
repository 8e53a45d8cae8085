// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { restore, stub } from 'sinon';
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { Pc } from '../../src/machine/pc.js';
import { SHARED_QUANTUM_INSTRUCTIONS } from '../../src/machine/scheduler.js';
import { assemble } from '../support/assembler.js';
import { coreModule } from '../support/test_core.js';
import { randomNumbers } from './random_numbers.js';
import { othersCode, RaceGuest, raceGuest, startOthers, startPage } from './race_guest.js';

const rounds = 300;

interface Run {
  readonly pc: Pc;
  readonly output: string;
  readonly turns: number;
}

/** Runs the guest to its end. @param cut the host cuts each run of a processor after a random number of instructions, and looks at the machine. */
async function run(processors: number, cut?: (limit: number) => number): Promise<Run> {
  return runImage(processors, raceGuest(processors, rounds), cut);
}

async function runImage(processors: number, bytes: Uint8Array, cut?: (limit: number) => number): Promise<Run> {
  let output = '';
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: (byte) => (output += String.fromCharCode(byte)),
    com2: () => {},
  });
  pc.boot({ kernel: { name: 'race', bytes }, modules: [], append: '' });
  if (cut !== undefined) {
    for (const processor of pc.processors) {
      const whole = processor.run.bind(processor);
      stub(processor, 'run').callsFake((instructions) => whole(Math.min(instructions, 1 + cut(2000))));
    }
  }
  let turns = 0;
  for (let end = pc.runQuantum(() => true); end === undefined; end = pc.runQuantum(() => true)) {
    if (++turns > 1e6) throw new Error('the guest does not end');
    if (cut !== undefined && cut(20) === 0) pc.stateHash();
    if (cut !== undefined && cut(20) === 0) pc.processorReports();
  }
  return { pc, output, turns };
}

describe('A machine with several processors', () => {
  afterEach(() => restore());

  for (const processors of [1, 2, 4, 8]) {
    it(`runs ${processors}, which share memory and start each other`, async () => {
      const { pc, output } = await run(processors);
      expect(output).to.equal('!');
      expect(new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + RaceGuest.counter, 1)[0]).to.equal(processors * rounds);
      expect(pc.processors.map((each) => each.instructionCount > 5 * rounds)).to.not.include(false);
    });
  }

  for (const processors of [1, 4]) {
    it(`has the same state with ${processors} in each run, wherever the host cuts it and looks at it`, async () => {
      const { pc, turns } = await run(processors);
      const hash = pc.stateHash();
      for (const seed of [1, 2, 3]) {
        const other = await run(processors, randomNumbers(seed));
        expect(other.turns).to.be.greaterThan(turns);
        expect(other.pc.stateHash()).to.equal(hash);
        expect(other.pc.virtualTime).to.equal(pc.virtualTime);
        restore();
      }
    });
  }

  it('wakes a processor that waits for a write, at a time when it has been made', async () => {
    const [line, stamps] = [0x700, 0x740];
    const other = assemble(
      [
        `wait: mov ax, ${line}`,
        'xor cx, cx',
        'xor dx, dx',
        '.byte 0x0f, 0x01, 0xc8',
        `cmp word ptr [${line}], 0`,
        'jne go',
        '.byte 0x0f, 0x01, 0xc9',
        'jmp wait',
        'go: rdtsc',
        `mov [${stamps + 8}], eax`,
        `mov word ptr [${RaceGuest.done}], 1`,
        'cli',
        'hlt',
      ],
      16,
      startPage << 12,
    );
    const first = (bytes: Uint8Array): string[] => [
      ...startOthers(bytes),
      'mov ecx, 30000',
      'long: dec ecx',
      'jnz long',
      'rdtsc',
      `mov [${stamps}], eax`,
      `mov word ptr [${line}], 1`,
      `wait: cmp word ptr [${RaceGuest.done}], 1`,
      'pause',
      'jne wait',
      'cli',
      'hlt',
      ...othersCode(bytes),
    ];
    const { pc } = await runImage(2, assemble(first(other), 64, FLAT_IMAGE_ADDRESS));
    const [written, woken] = [0, 2].map((i) => new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + stamps, 3)[i]!);
    expect(written).to.be.greaterThan(30_000);
    expect(woken).to.be.within(written!, written! + 2 * SHARED_QUANTUM_INSTRUCTIONS);
    expect(pc.processors[1]!.instructionCount, 'it slept').to.be.lessThan(200);
  });

  it('starts the others in wait-for-SIPI, with numbers of their own', async () => {
    const pc = await Pc.create({
      coreModule: await coreModule(),
      memoryBytes: 16 << 20,
      processors: 3,
      com1: () => {},
      com2: () => {},
    });
    const blocks = pc.processors.map(({ core }) => core.block);
    expect(blocks.map((block) => block.get('ACTIVITY'))).to.deep.equal([0, 3, 3]);
    expect(blocks.map((block) => block.get('PROCESSOR_ID'))).to.deep.equal([0, 1, 2]);
    expect(blocks.map((block) => block.isLoaded)).to.deep.equal([true, false, false]);
    const reports = pc.processorReports().map(({ activity, walk }) => [activity, walk?.of]);
    expect(reports, 'who waits is at no address').to.deep.equal([
      ['active', 'RIP'],
      ['waits for a start-up IPI', undefined],
      ['waits for a start-up IPI', undefined],
    ]);
  });

  it('refuses a number of processors that it cannot have', async () => {
    for (const processors of [0, 9, 1.5]) {
      const options = { coreModule: await coreModule(), memoryBytes: 16 << 20, com1: () => {}, com2: () => {} };
      const error = await Pc.create({ ...options, processors }).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(RangeError).with.property('message', `${processors} processors: wanted 1 to 8`);
    }
  });
});
