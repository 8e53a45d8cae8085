// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BRANCHES_REMEMBERED, traceBranches, type TakenBranch } from '../../../src/bfm/death/branch_trace.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { MachineSession } from '../../../src/session/machine_session.js';
import { SliceEnd } from '../../../src/session/session_ports.js';
import { raceGuest } from '../../machine/race_guest.js';
import { assemble } from '../../support/assembler.js';
import { coreModule } from '../../support/test_core.js';
import { World } from '../../session/random_run.js';

const START = FLAT_IMAGE_ADDRESS;
const relative = ({ from, to, how }: TakenBranch): [number, number, string] => [
  Number(from) - START,
  Number(to) - START,
  how,
];

async function sessionOf(image: Uint8Array, processors: number): Promise<MachineSession> {
  const world = Object.assign(new World(), { wantsAttention: () => false, isInputOpen: () => false });
  const options = { coreModule: await coreModule(), memoryBytes: 16 << 20, processors, pace: 'fast' } as const;
  const session = await MachineSession.create(options, world);
  session.boot({ kernel: { name: 'guest', bytes: image }, modules: [], append: '' });
  return session;
}

/** Runs a guest to its end, and compares it with a run that nobody watched. */
async function traced(lines: readonly string[] | Uint8Array, processors = 1, until?: number) {
  const image = lines instanceof Uint8Array ? lines : assemble([...lines], 64, START);
  const plain = await sessionOf(image, processors);
  plain.slice(Infinity);
  const [hash, instructions] = [plain.pc.stateHash(), plain.pc.instructions];
  const session = await sessionOf(image, processors);
  const { end, branches } = await traceBranches(
    { session, advance: (untilVirtual) => Promise.resolve(session.slice(untilVirtual)) },
    until,
  );
  return { session, end, branches, hash, instructions };
}

describe('traceBranches', () => {
  it('has calls, jumps and returns that were taken, and no others', async () => {
    const { branches, end, session, hash } = await traced([
      ...[
        'call near',
        'xor eax, eax',
        'jnz never',
        'jz short',
        'never: nop',
        'short: jmp rel',
        'nop',
        'rel: cli',
        'hlt',
      ],
      'near: ret',
    ]);
    expect(end).to.equal(SliceEnd.Ended);
    const [call, ret, jz, jmp] = branches[0]!.map(relative);
    expect(branches[0]).to.have.length(4);
    expect([call![0], call![2], ret![1], ret![2]]).to.deep.equal([0, 'call', 5, 'ret']);
    expect([jz![2], jmp![2], jmp![0] - jz![1]]).to.deep.equal(['je', 'jmp', 0]);
    expect(session.pc.stateHash(), 'watched or not').to.equal(hash);
  });

  it('has a branch to itself, and no repetition of a string instruction', async () => {
    const { branches } = await traced([
      'mov ecx, 5',
      'mov edi, 0x300000',
      'rep stosb',
      'mov ecx, 3',
      'l: loop l',
      'cli',
      'hlt',
    ]);
    expect(branches[0]!.map(({ from, to, how }) => [from === to, how])).to.deep.equal([
      [true, 'loop'],
      [true, 'loop'],
    ]);
  });

  it('says where an exception came', async () => {
    const gate = [
      ...[
        'lea rax, [rip + handler]',
        'mov [0x300060], ax',
        'mov word ptr [0x300062], cs',
        'mov word ptr [0x300064], 0x8e00',
      ],
      ...['shr rax, 16', 'mov [0x300066], ax', 'mov dword ptr [0x300068], 0', 'push 0', 'sub rsp, 2', 'push 0x300000'],
      ...['sub rsp, 2', 'mov word ptr [rsp], 0xfff', 'lidt [rsp]', 'ud2', 'nop', 'nop', 'handler: cli', 'hlt'],
    ];
    const { branches, session } = await traced(gate);
    expect(session.end!.isHalted, session.end!.detail).to.equal(true);
    const [event] = branches[0]!.slice(-1);
    expect(event!.how).to.equal('interrupt or exception');
    expect(Number(event!.to - event!.from), 'the handler, or behind its first instruction').to.be.within(4, 5);
  });

  it('remembers the last ones only, and stops where it is wanted to', async () => {
    const loop = ['mov ecx, 1000', 'l: dec ecx', 'jnz l', 'cli', 'hlt'];
    const { branches, session } = await traced(loop, 1, 301);
    expect(session.pc.instructions).to.equal(301);
    expect(branches[0]).to.have.length(BRANCHES_REMEMBERED);
    expect(new Set(branches[0]!.map(({ how }) => how))).to.deep.equal(new Set(['jne']));
  });

  it('keeps the branches of processors apart, and changes no run of several', async () => {
    const { branches, session, hash, instructions } = await traced(raceGuest(2, 20), 2);
    expect([session.pc.stateHash(), session.pc.instructions]).to.deep.equal([hash, instructions]);
    expect(branches.map((each) => each.length > 0)).to.deep.equal([true, true]);
  });
});
