import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { request } from "../api.ts";
import { openReceiver } from "./receiver.ts";
import type { Stage } from "./stage.ts";

const made = z.object({ webhook: z.object({ id: z.string() }), secret: z.string() });
const sent = z.object({ items: z.array(z.object({ id: z.string(), status: z.string(), attempts: z.number() })) });

const asked = { name: "Customer system", types: ["hearth.consent.*", "hearth.case.*", "hearth.tier.*"] };

/** Another system hears of events and checks every signature. It is down when the first one comes, which therefore comes again. */
export async function playWebhooks(stage: Stage): Promise<void> {
  const { api, signal, tell } = stage.deps;
  let [secret, isDown] = ["", true];
  const url = await openReceiver(signal, (body, headers) => {
    try {
      new Webhook(secret).verify(
        body,
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      );
    } catch {
      return 401;
    }
    const status = isDown ? 503 : 204;
    isDown = false;
    return status;
  });
  const answer = made.parse(await request(api, "POST", "/webhooks", { ...asked, url: `${url}/hearth` }));
  secret = answer.secret;
  const path = `/webhooks/${answer.webhook.id}/deliveries`;
  const again = async () => {
    const { items } = sent.parse(await request(api, "GET", `${path}?status=delivered&limit=200`));
    return items.find(({ attempts }) => attempts > 1);
  };
  await stage.until(async () => (await again()) !== undefined);
  const one = await again();
  if (one === undefined) return;
  tell(
    `The ${asked.name.toLowerCase()} was down when it was told of an event; seconds later it had it, under the same id.`,
  );
  await request(api, "POST", `${path}/${one.id}/resend`);
  tell("Somebody there had lost it: staff send the event again from the page of webhooks.");
}
