/** The worker's side of pool.ts. */

import { decodeHere, type Reply, type Request } from "./pool.js";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(reply: Reply, transfer: Transferable[]): void;
};

scope.onmessage = async ({ data: { id, ...task } }) => {
  try {
    const decoded = await decodeHere(task);
    scope.postMessage({ id, ...decoded }, [decoded.data.buffer]);
  } catch (reason) {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    scope.postMessage({ id, error: { name: error.name, message: error.message } }, []);
  }
};
