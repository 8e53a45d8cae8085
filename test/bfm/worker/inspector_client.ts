// SPDX-License-Identifier: LGPL-2.1-only
// A debugger for specs: the inspector protocol over a WebSocket. Node 20 has no WebSocket of its own.
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get, request } from 'node:http';
import { SourceMap, type SourceMapPayload } from 'node:module';
import type { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { bundleFile } from '../../../src/driver/node/load_module.js';
import type { startBfm } from '../bfm_process.js';

type Params = Record<string, unknown>;

/** What the inspector tells. */
export interface InspectorEvent {
  readonly method: string;
  readonly params: Params;
}

/** What a debugger finds at a port: the address of its one target. */
export function targetAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/json/list' }, (response) => {
      let text = '';
      response.on('data', (data) => (text += String(data)));
      response.on('end', () =>
        resolve((JSON.parse(text) as { webSocketDebuggerUrl: string }[])[0]!.webSocketDebuggerUrl),
      );
    }).on('error', reject);
  });
}

/** A frame with a text, masked as those of clients are. RFC 6455, "Base Framing Protocol". */
function frameOf(text: string): Buffer {
  const data = Buffer.from(text);
  const mask = randomBytes(4);
  const length = data.length < 126 ? [0x80 | data.length] : [0x80 | 126, data.length >>> 8, data.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...length]), mask, data.map((byte, i) => byte ^ mask[i & 3]!)]);
}

/** The first frame of some bytes. @returns undefined if it is not complete */
function firstFrame(bytes: Buffer): { opcode: number; data: Buffer; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < head) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < head + length) return undefined;
  return { opcode: bytes[0]! & 0xf, data: bytes.subarray(head, head + length), rest: bytes.subarray(head + length) };
}

export class InspectorClient {
  private readonly events: InspectorEvent[] = [];
  private readonly answers = new Map<number, { resolve: (result: Params) => void; reject: (error: Error) => void }>();
  private wake: () => void = () => {};
  private bytes = Buffer.alloc(0);
  private id = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (data: Buffer) => this.receive(data));
    socket.on('close', () => this.tell({ method: 'closed', params: {} }));
    socket.on('error', () => {});
  }

  static connect(url: string): Promise<InspectorClient> {
    const { hostname: host, port, pathname: path } = new URL(url);
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    };
    return new Promise((resolve, reject) => {
      const asked = request({ host, port, path, headers });
      asked.on('upgrade', (_response, socket: Socket) => resolve(new InspectorClient(socket)));
      asked.on('error', reject);
      asked.end();
    });
  }

  send(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.id;
    this.socket.write(frameOf(JSON.stringify({ id, method, params })));
    return new Promise((resolve, reject) => this.answers.set(id, { resolve, reject }));
  }

  /** The next event of a kind; `closed` if the inspector hangs up. Others before it are dropped. */
  async next(method: string): Promise<Params> {
    for (;;) {
      for (let event = this.events.shift(); event !== undefined; event = this.events.shift())
        if (event.method === method) return event.params;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(data: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, data]);
    for (let frame = firstFrame(this.bytes); frame !== undefined; frame = firstFrame(this.bytes)) {
      this.bytes = Buffer.from(frame.rest);
      if (frame.opcode === 1) this.handle(JSON.parse(frame.data.toString()) as Params);
      else if (frame.opcode === 8) this.socket.end();
    }
  }

  private handle(message: Params): void {
    if (typeof message.id !== 'number') return this.tell(message as unknown as InspectorEvent);
    const answer = this.answers.get(message.id);
    const error = message.error as { message: string } | undefined;
    if (error === undefined) answer?.resolve(message.result as Params);
    else answer?.reject(new Error(error.message));
  }

  private tell(event: InspectorEvent): void {
    this.events.push(event);
    this.wake();
  }
}

/** The line of a bundle that has a line of a source, as a debugger finds it by the source map in the bundle. */
function generatedLine(bundle: string, file: string, line: number): number {
  const [, data] = /\n\/\/# sourceMappingURL=data:application\/json;base64,(.*)/.exec(bundle)!;
  const payload = JSON.parse(Buffer.from(data!, 'base64').toString()) as SourceMapPayload;
  const sources = payload.sources.map((each) => new URL(each, payload.sourceRoot).href);
  const map = new SourceMap({ ...payload, sourceRoot: '', sources });
  return bundle.split('\n').findIndex((_text, at) => {
    const entry = map.findEntry(at, 1000);
    return 'originalLine' in entry && entry.originalSource === file && entry.originalLine === line;
  });
}

/** A debugger at a run, whose standard input has ended. */
export async function attachedTo(child: ReturnType<typeof startBfm>): Promise<InspectorClient> {
  child.stdin.end();
  const port = await new Promise<number>((resolve) => {
    let seen = '';
    child.stderr.on('data', (data) => {
      const [, digits] = /ws:\/\/127\.0\.0\.1:(\d+)\//.exec((seen += String(data))) ?? [];
      if (digits !== undefined) resolve(Number(digits));
    });
  });
  const client = await InspectorClient.connect(await targetAt(port));
  await client.send('Runtime.enable');
  await client.send('Debugger.enable');
  return client;
}

/**
 * A debugger at a run that waits for one. It has set a breakpoint, and has let the modules be loaded.
 *
 * @param file a module of the run. @param line of the breakpoint in it, from 0
 */
export async function debuggerOf(
  child: ReturnType<typeof startBfm>,
  file: string,
  line: number,
): Promise<InspectorClient> {
  const client = await attachedTo(child);
  // The debugger knows the bundle from an earlier run, or from the script that is parsed.
  using bundle = await bundleFile(file);
  const url = pathToFileURL(bundle.path).href;
  const lineNumber = generatedLine(readFileSync(bundle.path, 'utf8'), pathToFileURL(file).href, line);
  await client.send('Debugger.setBreakpointByUrl', { url, lineNumber });
  await client.send('Runtime.runIfWaitingForDebugger');
  for (let script = ''; script !== url;) {
    const parsed = await client.next('Debugger.scriptParsed');
    script = parsed.url as string;
    if (script === url) expect(parsed.sourceMapURL).to.match(/^data:application\/json;base64,/);
  }
  return client;
}

interface Frame {
  readonly callFrameId: string;
  readonly functionName: string;
}

/** Waits for the breakpoint. @returns the function in which it is, and the value of an expression there */
export async function atBreakpoint(client: InspectorClient, expression: string) {
  const { callFrames } = await client.next('Debugger.paused');
  const [frame] = callFrames as Frame[];
  const { callFrameId, functionName } = frame!;
  const { result } = await client.send('Debugger.evaluateOnCallFrame', { callFrameId, expression });
  return { functionName, value: (result as { value: unknown }).value };
}
