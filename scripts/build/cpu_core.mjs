// SPDX-License-Identifier: LGPL-2.1-only
// Builds the CPU core: the instruction table is expanded to AssemblyScript, which asc compiles twice, side by side: to the interpreter
// (build/cpu/cpu.wasm) and, with --use TEMPLATE=1, to the templates that the extractor cuts apart (build/cpu/templates.json).
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildFolder, filesBelow, hashOf, root, unlessFresh } from './paths.mjs';

const cpuFolder = join(buildFolder, 'cpu');
const sourceFolder = join(cpuFolder, 'source');
const outputs = ['cpu.wasm', 'templates.wasm', 'templates.json', 'forms.json'].map((name) => join(cpuFolder, name));
const asc = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');

/** Options of both jobs: nothing of AssemblyScript's run time, memory imported, static data where the layout puts it. */
function options(layout) {
  return [
    '--runtime',
    'stub',
    '--noAssert',
    '--importMemory',
    '--exportTable',
    '--zeroFilledMemory',
    '--enable',
    'simd',
    '--memoryBase',
    String(layout.STATIC_DATA),
    '--disableWarning',
    '112',
    '--disableWarning',
    '201',
  ];
}

/** Binaryen's passes for the interpreter: the switch must become a jump table, and locals few. */
const corePasses = 'precompute,remove-unused-brs,simplify-locals,vacuum,coalesce-locals,remove-unused-brs,vacuum';

/** Writes only what differs: asc has no cache, but editors and tests look at the times. */
function writeChanged(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}

async function load(path) {
  return import(`${pathToFileURL(join(buildFolder, 'src', 'machine', path))}?${Date.now()}`);
}

/** Copies the hand-written files and writes the generated ones. Returns the layout and the contents of forms.json. */
async function writeSources() {
  const [{ expand, generate, formList }, { sharedContents }, { topics }, { Layout }] = await Promise.all([
    load('generator/generate.js'),
    load('generator/emit_contents.js'),
    load('instructions.js'),
    load('layout/layout.js'),
  ]);
  mkdirSync(sourceFolder, { recursive: true });
  const sources = new Map();
  for (const path of filesBelow('src/machine/cpu', (file) => file.endsWith('.ts'))) {
    const name = relative(join(root, 'src/machine/cpu'), path).replaceAll('\\', '/');
    sources.set(name.replace(/\.ts$/, ''), readFileSync(path, 'utf8'));
    writeChanged(join(sourceFolder, name), readFileSync(path, 'utf8'));
  }
  const expansion = expand(topics, sources);
  const contentsFolder = join(root, 'src/intrinsics/contents');
  const contents = new Map(
    sharedContents.map((name) => [name, readFileSync(join(contentsFolder, `${name}.ts`), 'utf8')]),
  );
  const generated = generate(expansion, contents);
  for (const [name, text] of Object.entries(generated)) writeChanged(join(sourceFolder, name), text);
  for (const path of filesBelow('build/cpu/source', () => true)) {
    const name = relative(sourceFolder, path).replaceAll('\\', '/');
    if (!(name in generated) && !sources.has(name.replace(/\.ts$/, ''))) rmSync(path);
  }
  return { layout: Layout, forms: formList(expansion) };
}

/** Runs asc; rejects with its messages, in which the copies' paths are those of the sources. */
function compile(entry, output, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--stack-size=8000', asc, join(sourceFolder, entry), '-o', output, ...args],
      { cwd: root },
    );
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    child.stderr.on('data', (data) => {
      text += data;
    });
    child.on('close', (code) => {
      const message = text.replaceAll('build/cpu/source/', 'src/machine/cpu/');
      if (code === 0) resolve(message);
      else reject(new Error(`the CPU core does not compile (${entry}):\n${message}`));
    });
  });
}

async function make() {
  const started = performance.now();
  const { layout, forms } = await writeSources();
  const common = options(layout);
  const core = join(cpuFolder, 'cpu.wasm');
  const templates = join(cpuFolder, 'templates.wasm');
  // an input that changes no line of the sources, as most of src/intrinsics does, costs no compilation
  const written = [
    ...filesBelow('build/cpu/source', (file) => file.endsWith('.ts')),
    ...filesBelow('src/machine/generator', (file) => file.endsWith('.ts')),
    join(root, 'scripts/build/cpu_core.mjs'),
  ];
  const hash = hashOf(written, JSON.stringify(forms));
  await unlessFresh('cpu_core_sources', hash, outputs, () => compileAll(core, templates, common, forms));
  if (process.argv.includes('--verbose')) console.error(`cpu core: ${Math.round(performance.now() - started)} ms`);
}

/** Compiles both jobs and cuts the templates. */
async function compileAll(core, templates, common, forms) {
  const results = await Promise.allSettled([
    // these passes make the interpreter as fast as -O3 does (V8 optimises anyway), in a quarter of the time
    compile('cpu.ts', `${core}.new`, ['-O0', '--runPasses', corePasses, ...common]),
    // -O3: constants must reach their markers
    compile('dispatch/templates.ts', `${templates}.new`, ['-O3', ...common, '--use', 'TEMPLATE=1']),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  renameSync(`${core}.new`, core);
  renameSync(`${templates}.new`, templates);
  const { extractTemplates } = await load('generator/extract.js');
  writeFileSync(join(cpuFolder, 'forms.json'), JSON.stringify(forms));
  writeFileSync(join(cpuFolder, 'templates.json'), JSON.stringify(extractTemplates(readFileSync(templates), forms)));
}

/** True while the process of that id lives. */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs `work` while no other process builds the core: two builds at once would overwrite each other's sources. */
async function alone(work) {
  mkdirSync(cpuFolder, { recursive: true });
  const lock = join(cpuFolder, 'lock');
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch {
      const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
      if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Builds the core if its sources, the table, the layout, what src/intrinsics defines, the generator or this script have changed. */
export async function buildCpuCore() {
  if (!existsSync(join(root, 'src/machine/cpu/cpu.ts'))) return;
  const inputs = [
    ...filesBelow('src/machine/cpu', (file) => file.endsWith('.ts')),
    ...filesBelow('src/machine/instructions', (file) => file.endsWith('.ts')),
    ...filesBelow('src/machine/generator', (file) => file.endsWith('.ts')),
    ...filesBelow('src/intrinsics', (file) => file.endsWith('.ts')),
    ...filesBelow('src/machine/layout', (file) => file.endsWith('.ts')),
    join(root, 'src/machine/instructions.ts'),
    join(root, 'scripts/build/cpu_core.mjs'),
  ];
  // checked again with the lock held: another process may have built meanwhile
  const fresh = () => unlessFresh('cpu_core', hashOf(inputs), outputs, make);
  const stamp = join(buildFolder, 'stamps', 'cpu_core');
  if (
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === hashOf(inputs) &&
    outputs.every((output) => existsSync(output))
  )
    return;
  await alone(fresh);
}
