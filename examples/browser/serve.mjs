/**
 * Serve the repository with byte ranges, as any object store does: node examples/browser/serve.mjs [PORT]
 * Python's own `http.server` answers a range with the whole file.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

/** `onReport` gets what the page posts to /report; /wait is answered then. For the test of the page. */
export function serve(port, onReport = () => {}) {
  const waiting = [];
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    if (request.method === "POST" && path === "/report") {
      let text = "";
      for await (const piece of request) text += piece;
      onReport(JSON.parse(text));
      for (const other of [response, ...waiting]) other.writeHead(204).end();
      return;
    }
    if (path === "/wait") {
      waiting.push(response);
      return;
    }
    try {
      const file = join(ROOT, path.endsWith("/") ? `${path}index.html` : path);
      const { size } = await stat(file);
      const type = { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "accept-ranges": "bytes" };
      const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
      if (!range) {
        response.writeHead(200, { ...type, "content-length": size });
        createReadStream(file).pipe(response);
        return;
      }
      const start = range[1] === "" ? Math.max(0, size - Number(range[2])) : Number(range[1]);
      const end = range[1] === "" || range[2] === "" ? size - 1 : Math.min(size - 1, Number(range[2]));
      if (start > end) {
        response.writeHead(416, { "content-range": `bytes */${size}` }).end();
        return;
      }
      response.writeHead(206, { ...type, "content-range": `bytes ${start}-${end}/${size}`, "content-length": end - start + 1 });
      createReadStream(file, { start, end }).pipe(response);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(port, () => resolve(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8080);
  await serve(port);
  console.log(`http://localhost:${port}/examples/browser/`);
}
