/** Decoding in workers, where there are any and the page wants them; else where it is called. */

import { decodeBytes, decodeChunk, decodeCube } from "./decode.js";
import { DecodeError, UnsupportedVersionError } from "./errors.js";
import { parseHeader } from "./header.js";

/** A payload to decode, or a part of one. */
export type Task =
  /** To its values in C order, little-endian, with shape and dtype. */
  | { kind: "values"; payload: Uint8Array }
  /** To the bytes that were encoded, in their memory order and byte order. */
  | { kind: "stored"; payload: Uint8Array }
  /** To the cubes of some segments, from the payload's head and the sections that they need. */
  | { kind: "segments"; head: Uint8Array; sections: [number, Uint8Array][]; segments: number[] };

export type Request = Task & { id: number };

export type Reply =
  | { id: number; shape: number[]; dtype: string; data: Uint8Array<ArrayBuffer> }
  | { id: number; error: { name: string; message: string } };

export interface Decoded {
  shape: number[];
  dtype: string;
  data: Uint8Array<ArrayBuffer>;
}

export async function decodeHere(task: Task): Promise<Decoded> {
  if (task.kind === "stored") return { shape: [], dtype: "", data: await decodeBytes(task.payload) };
  if (task.kind === "segments") {
    const sections = new Map(task.sections);
    const section = (index: number) => sections.get(index) ?? new Uint8Array(0);
    return { shape: [], dtype: "", data: await decodeCube(parseHeader(task.head), section, task.segments) };
  }
  const { shape, dtype, data } = await decodeChunk(task.payload);
  return { shape, dtype, data };
}

/** The same with bytes of its own: to post a view would copy all of its buffer. */
function own(task: Task): Task {
  if (task.kind !== "segments") return { ...task, payload: task.payload.slice() };
  const sections = task.sections.map(([index, bytes]): [number, Uint8Array] => [index, bytes.slice()]);
  return { ...task, head: task.head.slice(), sections };
}

interface Waiting {
  resolve(value: Decoded): void;
  reject(reason: Error): void;
}

class Member {
  readonly #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, Waiting>();

  constructor(failed: () => void) {
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) waiting?.reject(revive(data.error));
      else waiting?.resolve(data);
    };
    this.#worker.onerror = () => {
      failed();
      for (const { reject } of this.#waiting.values()) reject(new Failed());
      this.#waiting.clear();
    };
  }

  get load(): number {
    return this.#waiting.size;
  }

  ask(request: Request): Promise<Decoded> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  end(): void {
    this.#worker.terminate();
  }
}

class Failed extends Error {}

function revive({ name, message }: { name: string; message: string }): Error {
  if (name === "DecodeError") return new DecodeError(message);
  if (name === "UnsupportedVersionError") return new UnsupportedVersionError(message);
  return new Error(message);
}

let members: Member[] = [];
let most = typeof Worker === "undefined" ? 0 : Math.min(4, Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1));
let requests = 0;

/** How many workers may decode at a time; 0 decodes in the caller's own thread. By default up to 4. */
export function setWorkers(count: number): void {
  for (const member of members.splice(Math.max(0, count))) member.end();
  most = typeof Worker === "undefined" ? 0 : count;
}

/** Decode in the worker with the least to do. */
export async function decode(task: Task): Promise<Decoded> {
  const idle = members.find((member) => !member.load);
  if (!idle && members.length < most) {
    const member: Member = new Member(() => {
      // A page may forbid workers, or a bundler not have found the file: go on without.
      members = [];
      most = 0;
    });
    members.push(member);
  }
  const least = members.reduce<Member | undefined>((a, b) => (a && a.load <= b.load ? a : b), undefined);
  if (!least) return decodeHere(task);
  try {
    return await least.ask({ ...own(task), id: requests++ });
  } catch (error) {
    if (error instanceof Failed) return decodeHere(task);
    throw error;
  }
}
