// SPDX-License-Identifier: LGPL-2.1-only
// The core names the architecture's numbers: grep ExitReason.Cpuid finds where the exit is born. The names come from src/intrinsics by way of
// src/machine/generator/emit_architecture.ts.
import { expect } from 'chai';
import ts from 'typescript';
import { architecture } from '../../src/machine/generator/emit_architecture.js';
import { coreFiles, parseCore, sourceFiles, type SourceFile } from './source_files.js';

/** Functions of the core whose first argument is an exit reason, a control's mask or a vector. */
const named = /^(vmExit\w*|report|forEngine|leaves|primary|secondary|pin|raise|raiseCode|refuse|setEvent)$/;

function each(tree: ts.Node, look: (node: ts.Node) => void): void {
  look(tree);
  ts.forEachChild(tree, (child) => each(child, look));
}

const placeOf = (file: SourceFile, node: ts.Node): string =>
  `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;

/** Calls whose first argument is a bare number, and constants of the core that repeat a number under another name. */
export function bareNumbers(file: SourceFile): string[] {
  const wrong: string[] = [];
  each(file.tree, (node) => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && named.test(node.expression.text)) {
      const [first] = node.arguments;
      if (first !== undefined && ts.isNumericLiteral(first))
        wrong.push(`${placeOf(file, node)} ${node.expression.text}(${first.text}, …): name the number`);
    }
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
      const retyped = /^(EXIT|FLAG|CR0|CR4|EFER|RIGHTS|TYPE)_[A-Z0-9]+$/.test(node.name.text);
      if (retyped && ts.isNumericLiteral(node.initializer))
        wrong.push(`${placeOf(file, node)} const ${node.name.text}: use what architecture.ts has`);
    }
  });
  return wrong;
}

describe('The core', () => {
  it('names exit reasons, controls and vectors', () => {
    const files = coreFiles();
    expect(files.length).to.be.greaterThan(50);
    expect(files.flatMap(bareNumbers)).to.deep.equal([]);
  });

  it('is found wanting when it does not', () => {
    const text = 'function HLT(): void { if (primary(7)) { vmExit(12, 0); return; } }\nconst CR0_PG: u32 = 0x80000000;';
    expect(bareNumbers(parseCore('test.ts', text))).to.have.length(3);
  });

  it('names every exit that it makes where it makes it', () => {
    const text = coreFiles()
      .map((file) => file.text)
      .join('\n');
    const used = Object.keys(architecture.ExitReason!.numbers).filter((name) => text.includes(`ExitReason.${name}`));
    expect(used).to.include.members(['Cpuid', 'Hlt', 'Rdmsr', 'EptViolation', 'TaskSwitch', 'Vmlaunch']);
    expect(used.length).to.be.greaterThan(35);
  });

  it('has its WebAssembly cut and written by names of opcodes', () => {
    const files = [...sourceFiles('src/machine/compiled'), ...sourceFiles('src/machine/generator')].filter((file) =>
      file.text.includes('wasm_format.js'),
    );
    expect(files.length).to.be.greaterThan(3);
    const wrong = files.flatMap((file) => {
      const bytes = file.text.match(/\b0x[0-9a-f]{2}\b/g) ?? [];
      return bytes.map((byte) => `${file.path} has ${byte}: name the opcode in src/machine/wasm_format.ts`);
    });
    expect(wrong).to.deep.equal([]);
  });
});
