/**
 * `npm run conformance:serve -- --port 1883`: the gateway's broker on loopback, open to everybody, so that test suites of MQTT 3.1.1
 * can be pointed at it. The filter `test/nosubscribe` alone is refused. Ends with Ctrl-C and leaves nothing behind.
 */
import { parseArgs } from "node:util";
import { closeHouses } from "../../gateway/testing/house.ts";
import { openBroker } from "./open-broker.ts";

const { values } = parseArgs({ options: { port: { type: "string", default: "1883" } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(`--port wants a port, and had ${values.port}\n`);
  process.exit(2);
}

const house = await openBroker({ port });
process.stdout.write(`MQTT 3.1.1 on 127.0.0.1:${house.port}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void closeHouses());
