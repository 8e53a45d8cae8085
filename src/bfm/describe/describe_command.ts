// SPDX-License-Identifier: LGPL-2.1-only
import { Argument, Command } from 'commander';
import { toTheUser } from '../failures/command_names.js';
import { describeAll } from './describe_all.js';
import { describedKinds, find, itemsOf, kindOf } from './describe_lookup.js';
import { lineOf, textOf } from './describe_text.js';

const EXAMPLES = `
Examples:
  bfm describe vmcs guest_cr0        a VMCS field: encoding, width, when it exists, its bits
  bfm describe vmcs 0x6800           the same, by encoding
  bfm describe msr efer              all MSRs whose name has "efer" in it
  bfm describe exit 48               an exit reason
  bfm describe check                 the names of all VM-entry rules
  bfm describe model                 the processor models for --cpu
  bfm describe --json                everything, as one JSON object
`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function describe(kindName: string | undefined, name: string | undefined, { json }: { json: boolean }): void {
  const description = describeAll();
  if (kindName === undefined) {
    print(
      json ? JSON.stringify(description) : toTheUser(`kinds: ${Object.keys(describedKinds).join(', ')}${EXAMPLES}`),
    );
    return;
  }
  const kind = kindOf(kindName, description);
  const items = name === undefined ? itemsOf(description, kind) : find(description, kind, name);
  if (json) print(JSON.stringify(items));
  else if (name === undefined) print(toTheUser(items.map((item) => lineOf(kind, item)).join('\n')));
  else print(toTheUser(items.map((item) => textOf(kind, item)).join('\n\n')));
}

/** The command `bfm describe`: prints what the framework knows about registers, fields, exits and rules. */
export function describeCommand(): Command {
  const kindArgument = new Argument('[kind]');
  // Not by choices(): our error says more than the parser's.
  kindArgument.argChoices = Object.keys(describedKinds);
  return new Command('describe')
    .description(
      'describe a VMCS field, MSR, CPUID leaf, register, exit reason, VM-instruction error, VM-entry check or processor model',
    )
    .addArgument(kindArgument)
    .argument('[name]', 'a name, a part of one, or a number (0x for hex)')
    .option('--json', 'as JSON', false)
    .addHelpText('after', EXAMPLES)
    .action(describe);
}
