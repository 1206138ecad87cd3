/** Copy the adaptive coder's module from the Python package: both run the very same file. */
import { copyFileSync } from "node:fs";

copyFileSync(
  new URL("../../numcodecs_video/coders/adaptive/kernel.wasm", import.meta.url),
  new URL("../wasm/adaptive.wasm", import.meta.url),
);
