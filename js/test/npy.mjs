/** Arrays of NumPy's .npy files: dtype, shape, memory order, and the bytes as they are. */
import { readFileSync } from "node:fs";

export function readNpy(path) {
  const file = readFileSync(path);
  const long = file[6] > 1;
  const start = (long ? 12 : 10) + (long ? file.readUInt32LE(8) : file.readUInt16LE(8));
  const text = file.toString("latin1", long ? 12 : 10, start);
  const dtype = /'descr': '([^']*)'/.exec(text)[1];
  const fortran = /'fortran_order': (True|False)/.exec(text)[1] === "True";
  const shape = /'shape': \(([^)]*)\)/.exec(text)[1].split(",").filter((n) => n.trim()).map(Number);
  return { dtype, shape, fortran, bytes: new Uint8Array(file.subarray(start)) };
}
