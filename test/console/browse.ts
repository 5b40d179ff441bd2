/** A real browser on the console of a running service, at the width of a desk and of a phone. */
import { AxeBuilder } from "@axe-core/playwright";
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { ensureConsole } from "../../cloud/http/console-build.ts";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "../support/service-process.ts";

const executablePath = "/usr/bin/chromium";
export const hasChromium = existsSync(executablePath);
if (!hasChromium) process.stderr.write(`The console's tests are skipped: there is no ${executablePath}.\n`);

/** Nothing but the page itself: no component, no update, no probe of the network. */
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];

const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath, args });

export interface Screen {
  name: string;
  viewport: { width: number; height: number };
  isMobile: boolean;
}
export const desk: Screen = { name: "1280 px", viewport: { width: 1_280, height: 800 }, isMobile: false };
export const phone: Screen = { name: "390 px", viewport: { width: 390, height: 844 }, isMobile: true };

/** A service of a file's own with a browser on it, from before its first test until after its last. */
export interface OnStage<S> {
  readonly service: RunningService;
  /** What `set` made. */
  readonly stage: S;
  /** A page of the service, with the admin's key unless another is given. */
  readonly open: (screen: Screen, path: string, key?: string) => ReturnType<typeof openPage>;
}

/**
 * Starts a service and a browser for the tests of a file, and ends them after it.
 *
 * @param set puts on the service what the tests look at
 * @param more.leave ends what `set` began
 */
export function onStage<S>(
  set: (service: RunningService) => Promise<S>,
  more: { env?: Record<string, string>; leave?: (stage: S) => Promise<unknown> } = {},
): OnStage<S> {
  let running: { service: RunningService; browser: Browser; stage: S } | undefined;
  const now = () => {
    if (running === undefined) throw new Error("the stage is used before it is set");
    return running;
  };
  beforeAll(async () => {
    if (!hasChromium) return;
    await ensureConsole();
    const service = await startServiceProcess({ dataDir: await preparedDataDir(), env: more.env ?? {} });
    running = { service, stage: await set(service), browser: await launchBrowser() };
  });
  afterAll(async () => {
    if (running === undefined) return;
    const { browser, stage, service } = running;
    await browser.close();
    await more.leave?.(stage);
    await stopServiceProcess(service);
    await removeDataDir(service.dataDir);
  });
  return {
    get service() {
      return now().service;
    },
    get stage() {
      return now().stage;
    },
    open: (screen, path, key) => openPage(now().browser, now().service, screen, path, key ?? now().service.key),
  };
}

/** A page of one's own until the test ends, what it complained about, and what it asked of anybody but the service. */
async function openPage(browser: Browser, service: RunningService, screen: Screen, path: string, key: string) {
  const context: BrowserContext = await browser.newContext({
    viewport: screen.viewport,
    isMobile: screen.isMobile,
    hasTouch: screen.isMobile,
    timezoneId: "Europe/Berlin",
    // Colours are judged as they stand, not half way through a dialog's fading in.
    reducedMotion: "reduce",
  });
  // A browser beside a database and a gateway on two cores: what takes a second alone may take twenty among other tests.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  onTestFinished(async () => {
    // A test's own route may be at an answer that nobody waits for any more.
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  });
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(service.http)) strangers.push(request.url());
  });
  await context.addInitScript((secret) => {
    if (secret !== "" && sessionStorage.getItem("tried") === null) {
      sessionStorage.setItem("hearth.key", secret);
      sessionStorage.setItem("tried", "yes");
    }
  }, key);
  await page.goto(service.http + path);
  return { page, complaints, strangers };
}

/** By how many pixels the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

export const param = (page: Page, name: string): string | null => new URL(page.url()).searchParams.get(name);

/** What axe finds, a line each. */
export async function faultsOf(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

/** The browser's own: the types of a test are those of Node. */
declare function getComputedStyle(element: unknown): Readonly<Record<string, string>>;

/** A property of how an element looks, as `borderTopWidth`. */
export const styleOf = (of: Locator, name: string): Promise<string | undefined> =>
  of.evaluate((element, property) => getComputedStyle(element)[property], name);
