// SPDX-License-Identifier: LGPL-2.1-only
// A fuzzer for an exit handler. Each execution resets the machine to one moment, puts an input into the guest's memory, and runs the guest, which sends the input
// to the handler. An input that takes the guest along a new branch is kept, and later inputs are made from it.
import { fileURLToPath } from 'node:url';
import { createMachine, ownGuest, type MachineWithVmm, type MarkedMoment } from 'bareflank/machine';

const moduleList = new URL(
  '../../extensions/hypervisor_example_fuzzing/mailbox.modules',
  import.meta.resolve('bareflank/machine'),
);
/** Where the guest `mailbox` has its input, and how much. */
const INPUT = 0x300000;
const MOST_BYTES = 48;
/** Virtual time for one execution: many times what the longest input takes. */
const NANOSECONDS = 1_000_000;

/** What a run of the fuzzer depends on. */
export interface FuzzOptions {
  /** The same seed gives the same inputs. */
  readonly seed: number;
  /** At most so many executions. */
  readonly executions: number;
  /** Whether inputs that take new branches are kept. Without, each input is made from the empty one. */
  readonly isGuided?: boolean;
}

/** What the fuzzer has found. */
export interface FuzzResult {
  /** Executions until the failure, or all. */
  readonly executions: number;
  /** Inputs that took new branches. */
  readonly kept: number;
  /** The first input that killed the machine, and how. */
  readonly failure?: { readonly input: readonly number[]; readonly detail: string };
}

type Random = (limit: number) => number;

/** The Park-Miller generator: whole numbers from 0 up to, not including, a limit. */
function randomNumbers(seed: number): Random {
  let state = (seed % 2147483646) + 1;
  return (limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}

/** One of the inputs that were kept: the last one in half of all cases. */
function chosen(corpus: readonly (readonly number[])[], random: Random): readonly number[] {
  return corpus[random(2) === 0 ? corpus.length - 1 : random(corpus.length)]!;
}

/** An input made from another one: bytes are added at the end, or the last byte or any other changes. */
function mutated(input: readonly number[], random: Random): number[] {
  const made = [...input];
  const way = made.length === 0 ? 0 : random(8);
  if (way >= 4) made[way === 7 ? random(made.length) : made.length - 1] = random(256);
  else for (let more = 1 + random(16); more > 0 && made.length < MOST_BYTES; more--) made.push(random(256));
  return made;
}

/** A machine at the moment before the guest reads its input. */
class Target {
  /** So far. */
  executions = 0;
  private readonly moment: MarkedMoment;

  constructor(readonly machine: MachineWithVmm) {
    machine.boot({ kernel: ownGuest('mailbox') });
    machine.driver.start();
    machine.coverage.start();
    this.moment = machine.mark();
  }

  /** Runs the guest with an input. @returns how the handler or the guest died, if one did */
  execute(input: readonly number[]): string | undefined {
    const { machine, moment } = this;
    this.executions++;
    machine.reset(moment);
    machine.write(INPUT, [input.length, 0, 0, 0, ...input]);
    const end = machine.run(NANOSECONDS);
    return end?.kind === 'debug-exit' ? undefined : (end?.detail ?? 'the guest does not end');
  }

  /** Cuts off what the guest does not read: the branches that it takes stay the same. */
  trimmed(input: readonly number[]): readonly number[] {
    const { map } = this.machine.coverage;
    const taken = map.slice();
    for (let length = 0; length < input.length; length++) {
      this.execute(input.slice(0, length));
      if (taken.every((count, place) => count === map[place])) return input.slice(0, length);
    }
    return input;
  }
}

/** Fuzzes the handler of `mailbox.modules` until it fails. */
export async function fuzzMailbox({ seed, executions, isGuided = true }: FuzzOptions): Promise<FuzzResult> {
  using machine = await createMachine({ memoryMiB: 16, modules: [fileURLToPath(moduleList)] });
  const target = new Target(machine);
  const random = randomNumbers(seed);
  const seen = new Uint8Array(machine.coverage.map.length);
  const corpus: (readonly number[])[] = [[]];
  while (target.executions < executions) {
    const input = mutated(chosen(corpus, random), random);
    const detail = target.execute(input);
    const kept = corpus.length - 1;
    if (detail !== undefined) return { executions: target.executions, kept, failure: { input, detail } };
    if (isGuided && machine.coverage.addTo(seen)) corpus.push(target.trimmed(input));
  }
  return { executions: target.executions, kept: corpus.length - 1 };
}

/** node fuzz_mailbox.js [SEED] [EXECUTIONS] */
async function main([seed = '1', executions = '20000']: readonly string[]): Promise<void> {
  const { failure, ...result } = await fuzzMailbox({ seed: Number(seed), executions: Number(executions) });
  const lines = [`${result.executions} executions, ${result.kept} inputs kept`];
  if (failure !== undefined) lines.push(failure.detail, `input: ${failure.input.join(' ')}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
