/** Node-RED as it comes, on the loopback, without what a bench does not need. Started with the port and the user folder. */
module.exports = {
  uiHost: "127.0.0.1",
  httpAdminRoot: false,
  flowFile: "flows.json",
  // The broker's password lies beside the flow as it is: both go when the bench ends.
  credentialSecret: false,
  telemetry: { enabled: false },
  logging: { console: { level: "warn", metrics: false, audit: false } },
};
