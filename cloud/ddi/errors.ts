/** What hawkBit's device API can refuse. Its clients look at the status alone; the rest is for people. */
export const ddiProblems = {
  ddi_not_authenticated: {
    status: 401,
    title: "This needs the appliance's token or a gateway's",
    help: "Send Authorization: TargetToken with the appliance's own token, or GatewayToken with one of POST /api/v1/ddi/gateway-tokens.",
  },
  ddi_too_many_wrong_tokens: {
    status: 429,
    title: "Too many wrong tokens came from this address",
    help: "Wait as long as Retry-After says. A right token is let in all the same.",
  },
  ddi_tenant_not_found: {
    status: 404,
    title: "There is no such tenant",
    help: "An installation has one, named DEFAULT in any case.",
  },
  ddi_device_not_found: {
    status: 404,
    title: "There is no such appliance",
    help: "Register it first: POST /api/v1/devices. Its id is the client's controller id.",
  },
  ddi_device_blocked: { status: 403, title: "The appliance is blocked", help: "POST /api/v1/devices/{id}/unblock." },
  ddi_model_not_enabled: {
    status: 403,
    title: "The appliance's model does not say that it speaks hawkBit's device API",
    help: "Put the model's next version with `hawkbit: { success: booted | written }`.",
  },
  ddi_action_not_found: {
    status: 404,
    title: "There is no such action for this appliance now",
    help: "GET the base resource and follow its links.",
  },
  ddi_action_closed: {
    status: 410,
    title: "The action is closed",
    help: "Nothing more is expected of it. GET the base resource for what is next.",
  },
  ddi_report_not_valid: {
    status: 400,
    title: "The body is not what hawkBit's device API has here",
    help: "At most 64 KiB of JSON; shared fields are named in the detail.",
  },
  ddi_too_many_attributes: {
    status: 400,
    title: "These would be more than 100 attributes",
    help: "Send fewer, or with mode replace or remove.",
  },
  ddi_artifact_not_found: {
    status: 404,
    title: "There is no such artifact for this appliance now",
    help: "Use the links of the deployment as they are.",
  },
  ddi_artifact_changed: {
    status: 412,
    title: "The artifact is not the one that If-Match names",
    help: "Begin the download anew.",
  },
  gateway_token_not_found: {
    status: 404,
    title: "There is no such gateway token",
    help: "GET /api/v1/ddi/gateway-tokens lists them.",
  },
  too_many_gateway_tokens: {
    status: 409,
    title: "There are 20 gateway tokens",
    help: "Revoke one that is not needed any more.",
  },
  recall_delivery_not_found: {
    status: 404,
    title: "There is no such delivery",
    help: "GET /api/v1/deliveries lists them.",
  },
  delivery_not_recallable: {
    status: 409,
    title: "Nobody can be asked to stop it",
    help: "Only an appliance that speaks hawkBit's device API and is at work on the update. What has not begun is cancelled instead.",
  },
} as const;
