/** How a connection came in, in plain words. */

export const viaText = { tcp: "TCP", tls: "TLS", ws: "WebSocket", wss: "WebSocket over TLS" } as const;

export const loginText = {
  token: "Token",
  certificate: "Certificate",
  claim: "Claim secret",
  open: "Nothing asked",
} as const;
