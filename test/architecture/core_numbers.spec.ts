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

/** Folders of instructions that compute: there, masks of 2 to 6 bits cut the number of a lane, a digit or a shift. */
const computing = /^src\/machine\/cpu\/(integer|float|simd|x87|virtual_apic)\//;
const numberMasks = new Set([3, 7, 15, 31, 63]);
const bitOperators = new Set([
  ts.SyntaxKind.AmpersandToken,
  ts.SyntaxKind.BarToken,
  ts.SyntaxKind.CaretToken,
  ts.SyntaxKind.AmpersandEqualsToken,
  ts.SyntaxKind.BarEqualsToken,
]);
const comparisons = new Set([ts.SyntaxKind.EqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsToken]);
/** Widths are no bits: one bit, a byte, an index of a table, a page's offset, 16 bits and so on; and halves that stay. */
const widths = new Set([0, 1, 0xff, 0x1ff, 0x3ff, 0xfff, 0xffff, 0xffffff, 0xffffffff, 0xffff0000, 0xff000000]);
/** What has its numbers in a table. */
const tabled = /^(type|kind|vector|mode|reason|load<u32>\((ACTIVITY|VMX_MODE)\))$/;

/** A word of the processor, whose single bits have names too. */
const word =
  /^load<u(32|64)>\((CR0|CR4|EFER|DR6|DR7|DEBUGCTL|RFLAGS_SYSTEM|INTERRUPTIBILITY|[A-Z]+_RIGHTS|VMX_PRIMARY|APIC_BASE|FEATURE_CONTROL|X87_STATUS|X87_CONTROL|MXCSR)\)$/;

/** The number that an operand is, without casts, `~` and parentheses. */
function literal(node: ts.Node): number | undefined {
  if (ts.isParenthesizedExpression(node) || ts.isPrefixUnaryExpression(node) || ts.isTypeAssertionExpression(node))
    return literal(ts.isPrefixUnaryExpression(node) ? node.operand : node.expression);
  return ts.isNumericLiteral(node) ? Number(node.text) : undefined;
}

/** The number of a bit in a byte of a bitmap: `byte >> (number & 7)`. */
function isBitOfByte(node: ts.BinaryExpression): boolean {
  const shift = node.parent.parent;
  return ts.isParenthesizedExpression(node.parent) && ts.isBinaryExpression(shift) && shift.right === node.parent;
}

const isConstant = (node: ts.Node): boolean =>
  ts.isVariableStatement(node) &&
  ts.isSourceFile(node.parent) &&
  (node.declarationList.flags & ts.NodeFlags.Const) !== 0;

/** Numbers in functions that are masks, bits, or values of a table. A constant of the file names its number. */
export function anonymousBits(file: SourceFile): string[] {
  const wrong: string[] = [];
  const isWidth = (number: number): boolean =>
    widths.has(number) || (computing.test(file.path) && numberMasks.has(number));
  const look = (node: ts.Node): void => {
    if (isConstant(node)) return;
    if (ts.isBinaryExpression(node)) {
      const operands = [node.left, node.right];
      const numbers = operands.map(literal).filter((number) => number !== undefined);
      const isWord = operands.some((each) => word.test(each.getText()));
      const isMask =
        bitOperators.has(node.operatorToken.kind) &&
        numbers.some((number) => number !== 0 && (isWord || !isWidth(number)));
      const isValue =
        comparisons.has(node.operatorToken.kind) &&
        numbers.length > 0 &&
        operands.some((each) => tabled.test(each.getText()));
      const isPlain = numbers.length === 1 && numbers[0] === 7 && isBitOfByte(node);
      if ((isMask && !isPlain) || isValue) wrong.push(`${placeOf(file, node)} ${node.getText()}: name the number`);
    }
    ts.forEachChild(node, look);
  };
  look(file.tree);
  return wrong;
}

describe('The core', () => {
  it('names bits, masks and the numbers of tables', () => {
    const files = coreFiles();
    expect(files.length).to.be.greaterThan(80);
    expect(files.flatMap(anonymousBits)).to.deep.equal([]);
  });

  it('is found wanting when a function has such a number', () => {
    const path = 'src/machine/cpu/system/test.ts';
    const text = `
      const NAMED: u32 = 0x40;
      function f(): void {
        if (load<u32>(CR4) & 0x20) raise(UD);
        store<u64>(DR7, load<u64>(DR7) & ~(<u64>0x155));
        if (load<u32>(CR0) & 1) return;
        if (type == 9 || load<u32>(ACTIVITY) != 3) return;
        flags |= 0x200;
        const kept = (bitmap >> (port & 7)) & 1, low = v & 0xffffffff, bit = v & NAMED;
      }`;
    expect(anonymousBits(parseCore(path, text))).to.have.length(6);
    expect(anonymousBits(parseCore('src/machine/cpu/x87/test.ts', text))).to.have.length(6);
    const lane = 'function f(): void { const lane = (imm >> 4) & 3, top = load<u32>(X87_STATUS) & 7; }';
    expect(anonymousBits(parseCore(path, lane))).to.have.length(2);
    expect(anonymousBits(parseCore('src/machine/cpu/simd/test.ts', lane)), 'but not of a word').to.have.length(1);
  });

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
