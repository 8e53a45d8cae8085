// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import ts from 'typescript';
import { resolveImport, sourceFiles, type SourceFile } from './source_files.js';

/** Where the framework binds and makes parts; nobody else constructs one. */
const composition = /^src\/vmm\/(container\/|vmm_module\.ts$)/;
/** What src/machine may not use: it also runs without Node. */
const nodeGlobals = new Set(['process', 'Buffer', 'require', '__dirname', 'global', 'setImmediate']);

/**
 * Who may index the raw words of the processor block: the objects that own them, and the measured hot path. Everybody else reads and writes
 * registers by name, through ProcessorBlock, which keeps the derived state right.
 */
const rawWords: readonly string[] = [
  // The objects that own words of the layout.
  'src/machine/processor/wasm_core.ts',
  'src/machine/processor/core_instance.ts',
  'src/machine/processor/core_imports.ts',
  'src/machine/processor/machine_words.ts',
  'src/machine/memory/machine_memory.ts',
  'src/machine/processor/core_records.ts',
  'src/machine/debug/machine_stops.ts',
  'src/machine/processor/lazy_flags.ts',
  'src/machine/processor/processor_block.ts',
  // Snapshots copy whole regions, after which the core takes over the restored state.
  'src/machine/state/layout_digest.ts',
  'src/machine/state/machine_mark.ts',
  'src/machine/state/processor_snapshot.ts',
  'src/machine/state/report_records.ts',
  'src/machine/state/tlb_snapshot.ts',
  // The register file that exit handlers see.
  'src/machine/intrinsics/machine_control_registers.ts',
  'src/machine/intrinsics/machine_general_registers.ts',
  'src/machine/intrinsics/machine_msrs.ts',
  'src/machine/intrinsics/machine_processor.ts',
  // Compiled code and its generator address words by their places.
  'src/machine/compiled/compiled_forms.ts',
  'src/machine/compiled/compiled_tier.ts',
  'src/machine/compiled/decoded_code.ts',
  'src/machine/compiled/flag_locals.ts',
  'src/machine/compiled/handler_calls.ts',
  'src/machine/compiled/region_emitter.ts',
  'src/machine/compiled/register_locals.ts',
  'src/machine/compiled/template_paster.ts',
  'src/machine/generator/emit_layout.ts',
  'src/machine/generator/template_cutter.ts',
  // The VMX engine: what it keeps in the layout, VM entry and VM exit.
  'src/machine/vmx/instructions/code_instructions.ts',
  'src/machine/vmx/entry/execution_controls.ts',
  'src/machine/vmx/exit/guest_save.ts',
  'src/machine/vmx/vmcs/guest_state.ts',
  'src/machine/vmx/exit/host_state.ts',
  'src/machine/vmx/entry/injection.ts',
  'src/machine/processor/logical_processor.ts',
  'src/machine/vmx/msr_areas.ts',
  'src/machine/vmx/pae_paging.ts',
  'src/machine/vmx/preemption_timer.ts',
  'src/machine/vmx/entry/vm_entry.ts',
  'src/machine/vmx/exit/vm_exit.ts',
  'src/machine/vmx/instructions/vm_instructions.ts',
  'src/machine/vmx/vmcs/vmcs.ts',
  'src/machine/vmx/entry/vmcs_entry_reader.ts',
  'src/machine/vmx/vmcs/vmx_area.ts',
  'src/machine/vmx/vmx_engine.ts',
  'src/machine/vmx/vmx_state.ts',
  'src/machine/vmx/words.ts',
];

/** Whether a file can name an address of the layout: it imports the table of addresses, or that of indexes, or a whole module that has one. */
function namesWords(file: SourceFile): boolean {
  return file.tree.statements.some((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return false;
    const from = statement.moduleSpecifier && (statement.moduleSpecifier as ts.StringLiteral).text;
    if (from === undefined || !/\/(layout|words)\.js$/.test(from)) return false;
    const bindings = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : statement.exportClause;
    if (bindings === undefined || ts.isNamespaceImport(bindings) || ts.isNamespaceExport(bindings)) return true;
    return bindings.elements.some((element) => /^(Layout|Word)$/.test((element.propertyName ?? element.name).text));
  });
}

function each(tree: ts.Node, look: (node: ts.Node) => void): void {
  look(tree);
  ts.forEachChild(tree, (child) => each(child, look));
}

const lineOf = (file: SourceFile, node: ts.Node): string =>
  `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;

/** Classes that a container makes: those with @injectable or @extension. */
function injectables(files: readonly SourceFile[]): Set<string> {
  const found = new Set<string>();
  for (const file of files)
    for (const statement of file.tree.statements)
      if (
        ts.isClassDeclaration(statement) &&
        (ts.getDecorators(statement) ?? []).some((decorator) => /^@(injectable|extension)\b/.test(decorator.getText()))
      )
        found.add(`${file.path}#${statement.name!.text}`);
  return found;
}

/** Names that a file imports, with the file that each comes from. */
function importedNames(file: SourceFile): Map<string, string> {
  const names = new Map<string, string>();
  for (const statement of file.tree.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const from = resolveImport(file, (statement.moduleSpecifier as ts.StringLiteral).text);
    const bindings = statement.importClause?.namedBindings;
    if (from === undefined || bindings === undefined || !ts.isNamedImports(bindings)) continue;
    for (const element of bindings.elements)
      names.set(element.name.text, `${from}#${(element.propertyName ?? element.name).text}`);
  }
  return names;
}

function constructions(file: SourceFile, parts: ReadonlySet<string>): string[] {
  const names = importedNames(file);
  const wrong: string[] = [];
  each(file.tree, (node) => {
    if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression)) return;
    const name = node.expression.text;
    if (parts.has(names.get(name) ?? `${file.path}#${name}`))
      wrong.push(`${lineOf(file, node)} makes a ${name}; inject it by its symbol`);
  });
  return wrong;
}

function globalsOfNode(file: SourceFile): string[] {
  const wrong: string[] = [];
  each(file.tree, (node) => {
    if (!ts.isIdentifier(node) || !nodeGlobals.has(node.text)) return;
    const { parent } = node;
    const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
    const isDeclared = 'name' in parent && (parent as { name?: ts.Node }).name === node;
    if (!isMember && !isDeclared) wrong.push(`${lineOf(file, node)} uses ${node.text}; its folder runs without Node`);
  });
  return wrong;
}

/** The views of the machine's memory: `core.u8` and its like. */
const memoryView = /(^|\.)(u8|u32|u64|ram|physicalWords)$/;
const writingMethods = new Set(['set', 'fill', 'copyWithin', 'sort', 'reverse']);

/** Assignments to elements of the memory's views, and calls of methods that write to them. */
function viewWrites(file: SourceFile): string[] {
  const wrong: string[] = [];
  const report = (node: ts.Node): void => {
    wrong.push(`${lineOf(file, node)} writes the machine's memory; use MemoryWriter, which tells the core`);
  };
  each(file.tree, (node) => {
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
      node.operatorToken.kind <= ts.SyntaxKind.LastAssignment
    ) {
      const { left } = node;
      if (ts.isElementAccessExpression(left) && memoryView.test(left.expression.getText())) report(node);
    } else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression, name } = node.expression;
      if (writingMethods.has(name.text) && memoryView.test(expression.getText()) && !isGuestRam(file, expression))
        report(node);
    }
  });
  return wrong;
}
/** Loaders and devices call theirs `ram` too, but it is the interface, not a view. */
function isGuestRam(file: SourceFile, expression: ts.Expression): boolean {
  return /(^|\.)ram$/.test(expression.getText()) && /import type \{ (Guest|Device)Ram \}/.test(file.text);
}

describe('The laws', () => {
  it('let containers alone make what they bind', () => {
    const files = [...sourceFiles('src/vmm'), ...sourceFiles('extensions')];
    const parts = injectables(files);
    expect(parts.size, 'injectable classes').to.be.greaterThan(20);
    const wrong = files
      .filter((file) => !composition.test(file.path) && !file.path.endsWith('.spec.ts'))
      .flatMap((file) => constructions(file, parts));
    expect(wrong).to.deep.equal([]);
  });

  it('keep containers to the folder that owns them: nobody else imports one from inversify', () => {
    const wrong = ['src/vmm', 'src/intrinsics', 'src/machine', 'src/bfm', 'extensions']
      .flatMap((folder) => sourceFiles(folder))
      .filter((file) => !file.path.startsWith('src/vmm/container/'))
      .filter((file) => /import\s*\{[^}]*\bContainer\b[^}]*\}\s*from\s*'inversify'/.test(file.text))
      .map((file) => `${file.path} imports Container; ask for what it needs by @inject`);
    expect(wrong).to.deep.equal([]);
  });

  it('keep what the framework allocates from guests: its structures are marked, so that none is ever shared', () => {
    const calls = sourceFiles('src/vmm').flatMap((file) =>
      [...file.text.matchAll(/manager\.alloc\(.*/g)].map(([call]) => `${file.path}: ${call}`),
    );
    expect(calls.length).to.be.greaterThan(8);
    expect(calls.filter((call) => !call.includes("'structure')"))).to.deep.equal([]);
  });

  it('cut integers by unsignedBits in the VMM: BigInt.asUintN gives negative numbers in an engine meant for bare metal', () => {
    const files = sourceFiles('src/vmm').filter(({ text }) => text.includes('BigInt.asUintN('));
    expect(files.map(({ path }) => path)).to.deep.equal([]);
  });

  it('keep Node out of the machine, the driver and the session', () => {
    const files = ['src/machine', 'src/driver', 'src/session']
      .flatMap((folder) => sourceFiles(folder))
      .filter((file) => !file.path.startsWith('src/driver/node/'));
    const imports = files.filter((file) => /from 'node:/.test(file.text)).map((file) => `${file.path} imports Node`);
    expect([...imports, ...files.flatMap(globalsOfNode)]).to.deep.equal([]);
  });

  it('export no variable that changes: the build copies what a module imports into constants', () => {
    const wrong = [...sourceFiles('src'), ...sourceFiles('extensions'), ...sourceFiles('test')].flatMap((file) =>
      [...file.text.matchAll(/^export (?:let|var) (\w+)/gm)].map(([, name]) => `${file.path} exports ${name!}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('keep the raw words of the processor block to their owners and to the hot path', () => {
    const files = sourceFiles('src').filter(namesWords);
    const wrong = files
      .map(({ path }) => path)
      .filter((path) => !rawWords.includes(path))
      .map((path) => `${path} names addresses of the layout; read and write registers by name, through ProcessorBlock`);
    expect(wrong).to.deep.equal([]);
  });

  it("keep writes of guest RAM and carve-out to MemoryWriter, which tells the core: nobody else writes through the memory's views", () => {
    const files = sourceFiles('src').filter(
      ({ path }) => path !== 'src/machine/memory/memory_writer.ts' && !rawWords.includes(path),
    );
    expect(files.flatMap(viewWrites)).to.deep.equal([]);
  });

  it('list no file that does not index raw words', () => {
    const naming = new Set(
      sourceFiles('src')
        .filter(namesWords)
        .map(({ path }) => path),
    );
    expect(rawWords.filter((path) => !naming.has(path))).to.deep.equal([]);
  });
});
