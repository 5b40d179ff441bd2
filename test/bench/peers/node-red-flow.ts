/** The flow of the usual pipeline: every device's readings, as points, a thousand at a time into InfluxDB. */

export interface FlowPlaces {
  mqttPort: number;
  influxPort: number;
  database: string;
  filter: string;
}

/** How many points go into one request, and how long the last ones wait for more. */
const pointsPerBatch = 1_000;
const flushMs = 1_000;

// Runs inside Node-RED, so it is text here. `node`, `context`, `msg` and the timers are Node-RED's.
const collect = `
const held = context.get("held") ?? [];
const { atMs, m } = msg.payload;
held.push({
  measurement: "reading",
  tags: { device: msg.topic.split("/")[3] },
  fields: { cavity_c: m.cavity_c, setpoint_c: m.setpoint_c, power_w: m.power_w, fan_rpm: m.fan_rpm, door_open: m.door_open ? 1 : 0 },
  timestamp: atMs,
});
clearTimeout(context.get("timer"));
if (held.length >= ${pointsPerBatch}) {
  context.set("held", []);
  return { payload: held };
}
context.set("held", held);
context.set("timer", setTimeout(() => {
  const rest = context.get("held");
  context.set("held", []);
  if (rest.length > 0) node.send({ payload: rest });
}, ${flushMs}));
return null;`;

export const brokerNode = "broker";

/** What Node-RED reads as its flows.json. */
export function flow({ mqttPort, influxPort, database, filter }: FlowPlaces): object[] {
  return [
    { id: "tab", type: "tab", label: "Readings" },
    {
      id: brokerNode,
      type: "mqtt-broker",
      broker: "127.0.0.1",
      port: String(mqttPort),
      clientid: "node-red",
      protocolVersion: "4",
      keepalive: "60",
      cleansession: true,
    },
    {
      id: "influx",
      type: "influxdb",
      hostname: "127.0.0.1",
      port: String(influxPort),
      protocol: "http",
      database,
      usetls: false,
      influxdbVersion: "1.x",
    },
    {
      id: "in",
      z: "tab",
      type: "mqtt in",
      topic: filter,
      qos: "1",
      datatype: "json",
      broker: brokerNode,
      inputs: 0,
      wires: [["collect"]],
    },
    { id: "collect", z: "tab", type: "function", name: "Collect", func: collect, outputs: 1, wires: [["out"]] },
    {
      id: "out",
      z: "tab",
      type: "influxdb batch",
      influxdb: "influx",
      precision: "ms",
      retentionPolicy: "",
      wires: [],
    },
  ];
}
