/** WebAssembly modules: fetched and compiled at their first use, one instance each. */

import { DecodeError } from "../errors.js";

/** An instance that once took more memory than this is given up after its work. */
const KEPT_BYTES = 2 ** 28;

const WASI_NOT_SUPPORTED = 52;

/** What every module exports. */
export interface Instance {
  memory: WebAssembly.Memory;
  _initialize?(): void;
}

/** What those with a C library export. */
export interface Exports extends Instance {
  malloc(size: number): number;
  free(pointer: number): void;
}

class Exit extends Error {}

/** What a module imports: there are no files, no clock and no environment. */
function imports(module: WebAssembly.Module): WebAssembly.Imports {
  const all: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") continue;
    all[from] ??= {};
    all[from][name] = () => WASI_NOT_SUPPORTED;
    if (name === "proc_exit")
      all[from][name] = () => {
        throw new Exit("the decoder gave up");
      };
  }
  return all;
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  // Not an import, so that bundlers for browsers do not look for it.
  const files = url.protocol === "file:" && globalThis.process?.getBuiltinModule?.("node:fs/promises");
  if (files) return WebAssembly.compile(await files.readFile(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`cannot fetch ${url}: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

export class WasmModule<E extends Instance> {
  readonly #url: URL;
  #module: Promise<WebAssembly.Module> | undefined;
  #exports: E | undefined;

  constructor(url: URL) {
    this.#url = url;
  }

  /** Run work on the module's instance; memory is the work's alone until it returns. */
  async run<T>(what: string, work: (exports: E) => T): Promise<T> {
    this.#module ??= compile(this.#url).catch((error) => {
      this.#module = undefined; // a network may come back
      throw error;
    });
    const module = await this.#module;
    if (!this.#exports) {
      const exports = new WebAssembly.Instance(module, imports(module)).exports as unknown as E;
      exports._initialize?.();
      this.#exports = exports;
    }
    const exports = this.#exports;
    try {
      const result = work(exports);
      if (exports.memory.buffer.byteLength > KEPT_BYTES) this.#exports = undefined;
      return result;
    } catch (error) {
      // A trap or an exception may have left anything in memory: the next work gets a new instance.
      this.#exports = undefined;
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error instanceof Exit)
        throw new DecodeError(`${what} cannot be decoded: ${error.message}`);
      throw error;
    }
  }
}

/** Memory of a module for bytes; `what` names the stream, should there be no memory. */
export function allocate(exports: Exports, size: number, what: string): number {
  const pointer = size < 2 ** 31 ? exports.malloc(Math.max(size, 1)) >>> 0 : 0;
  if (!pointer) throw new DecodeError(`${what} cannot be decoded: there is no memory for ${size} bytes`);
  return pointer;
}

export function put(exports: Exports, data: Uint8Array, what: string): number {
  const pointer = allocate(exports, data.length, what);
  new Uint8Array(exports.memory.buffer).set(data, pointer);
  return pointer;
}

/** A copy of bytes of a module's memory. */
export function take(exports: Exports, pointer: number, size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(exports.memory.buffer.slice(pointer, pointer + size));
}
