import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untilListening } from "./listening.ts";
import { freePort } from "../support/service-process.ts";
import type { FileServer } from "./file-server.ts";

const nginxPath = ["/usr/sbin/nginx", "/usr/bin/nginx", "/opt/homebrew/bin/nginx"].find((path) => existsSync(path));

export const nginxIsThere = nginxPath !== undefined;

/** nginx with one worker, as Hearth has one thread for it, that serves one file with sendfile. */
export async function startNginx(image: Uint8Array): Promise<FileServer> {
  if (nginxPath === undefined) throw new Error("nginx is not installed");
  const dir = await mkdtemp(join(tmpdir(), "hearth-nginx-"));
  // Its worker is another user where root starts it.
  await chmod(dir, 0o755);
  const port = await freePort();
  await writeFile(join(dir, "image"), image);
  const settings = `
    daemon off; master_process off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/errors;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on;
      client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
      server { listen 127.0.0.1:${port}; root ${dir}; }
    }`;
  await writeFile(join(dir, "nginx.conf"), settings);
  const child = spawn(nginxPath, ["-p", dir, "-e", join(dir, "errors"), "-c", join(dir, "nginx.conf")], {
    stdio: "ignore",
  });
  await untilListening(port);
  return {
    pid: child.pid ?? 0,
    href: `http://127.0.0.1:${port}/image`,
    collectGarbage() {},
    async stop() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      await gone;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
