import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link } from "@tanstack/react-router";
import { campaignEditorSearch, campaignsSearch } from "./core/campaigns.ts";
import {
  deviceListSearch,
  deviceSearch,
  modelsSearch,
  plannerSearch,
  parseSearch,
  provisioningSearch,
  releasesSearch,
  rolloutsSearch,
  securitySearch,
  stringifySearch,
} from "./core/url-state.ts";
import { contentCalendarSearch, contentSearch, itemSearch } from "./core/content-url.ts";
import { erasuresSearch } from "./core/erasures.ts";
import { householdsSearch } from "./core/household-url.ts";
import { segmentSearch } from "./core/segments.ts";
import { lifecycleSearch } from "./core/lifecycle.ts";
import { webhooksSearch } from "./core/webhooks.ts";
import {
  answerSearch,
  caseSearch,
  casesSearch,
  documentSearch,
  documentsSearch,
  incidentsSearch,
  noticesSearch,
} from "./core/service-url.ts";
import { DevicesPage } from "./pages/devices/devices-page.tsx";
import { OverviewPage } from "./pages/overview/overview-page.tsx";
import { Empty } from "./parts/empty.tsx";
import { Notice } from "./parts/notice.tsx";
import { Shell } from "./parts/shell.tsx";

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: NoSuchPage,
  errorComponent: ({ error, reset }) => (
    <Notice error={error instanceof Error ? error : new Error(String(error))} onRetry={reset} />
  ),
});

const overviewRoute = createRoute({ getParentRoute: () => rootRoute, path: "/", component: OverviewPage });

const devicesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/devices",
  validateSearch: deviceListSearch,
  component: DevicesPage,
});

const deviceRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/devices/$id",
  validateSearch: deviceSearch,
  // The chart comes with the first page that has one.
  component: lazyRouteComponent(() => import("./pages/device/device-page.tsx"), "DevicePage"),
});

const provisioningRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/provisioning",
  validateSearch: provisioningSearch,
  component: lazyRouteComponent(() => import("./pages/provisioning/provisioning-page.tsx"), "ProvisioningPage"),
});

const securityRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/security",
  validateSearch: securitySearch,
  component: lazyRouteComponent(() => import("./pages/security/security-page.tsx"), "SecurityPage"),
});

const rolloutsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rollouts",
  validateSearch: rolloutsSearch,
  component: lazyRouteComponent(() => import("./pages/rollouts/rollouts-page.tsx"), "RolloutsPage"),
});

const plannerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rollouts/new",
  validateSearch: plannerSearch,
  component: lazyRouteComponent(() => import("./pages/rollouts/planner-page.tsx"), "PlannerPage"),
});

const rolloutRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rollouts/$id",
  component: lazyRouteComponent(() => import("./pages/rollouts/rollout-page.tsx"), "RolloutPage"),
});

const releasesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/releases",
  validateSearch: releasesSearch,
  component: lazyRouteComponent(() => import("./pages/releases/releases-page.tsx"), "ReleasesPage"),
});

const householdsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/households",
  validateSearch: householdsSearch,
  component: lazyRouteComponent(() => import("./pages/households/households-page.tsx"), "HouseholdsPage"),
});

const consentTextsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/consents",
  component: lazyRouteComponent(() => import("./pages/consents/consent-texts-page.tsx"), "ConsentTextsPage"),
});

const erasuresRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/erasures",
  validateSearch: erasuresSearch,
  component: lazyRouteComponent(() => import("./pages/erasures/erasures-page.tsx"), "ErasuresPage"),
});

const householdRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/households/$id",
  component: lazyRouteComponent(() => import("./pages/household/household-page.tsx"), "HouseholdPage"),
});

const segmentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments",
  component: lazyRouteComponent(() => import("./pages/segments/segments-page.tsx"), "SegmentsPage"),
});

const segmentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments/$id",
  validateSearch: segmentSearch,
  component: lazyRouteComponent(() => import("./pages/segments/segment-page.tsx"), "SegmentPage"),
});

const lifecycleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/lifecycle",
  validateSearch: lifecycleSearch,
  component: lazyRouteComponent(() => import("./pages/lifecycle/lifecycle-page.tsx"), "LifecyclePage"),
});

const modelsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models",
  validateSearch: modelsSearch,
  component: lazyRouteComponent(() => import("./pages/models/models-page.tsx"), "ModelsPage"),
});

const casesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/cases",
  validateSearch: casesSearch,
  component: lazyRouteComponent(() => import("./pages/cases/cases-page.tsx"), "CasesPage"),
});

const caseRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/cases/$id",
  validateSearch: caseSearch,
  component: lazyRouteComponent(() => import("./pages/cases/case-page.tsx"), "CasePage"),
});

const incidentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/incidents",
  validateSearch: incidentsSearch,
  component: lazyRouteComponent(() => import("./pages/incidents/incidents-page.tsx"), "IncidentsPage"),
});

const incidentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/incidents/$id",
  component: lazyRouteComponent(() => import("./pages/incidents/incident-page.tsx"), "IncidentPage"),
});

const rulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rules",
  component: lazyRouteComponent(() => import("./pages/rules/rules-page.tsx"), "RulesPage"),
});

const ruleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rules/$id",
  component: lazyRouteComponent(() => import("./pages/rules/rule-page.tsx"), "RulePage"),
});

const causesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/causes",
  validateSearch: documentsSearch,
  component: lazyRouteComponent(() => import("./pages/causes/causes-page.tsx"), "CausesPage"),
});

const causeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/causes/$key",
  validateSearch: documentSearch,
  component: lazyRouteComponent(() => import("./pages/causes/cause-page.tsx"), "CausePage"),
});

const answersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/answers",
  validateSearch: documentsSearch,
  component: lazyRouteComponent(() => import("./pages/causes/answers-page.tsx"), "AnswersPage"),
});

const answerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/answers/$key",
  validateSearch: answerSearch,
  component: lazyRouteComponent(() => import("./pages/causes/answer-page.tsx"), "AnswerPage"),
});

const noticesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/notices",
  validateSearch: noticesSearch,
  component: lazyRouteComponent(() => import("./pages/notices/notices-page.tsx"), "NoticesPage"),
});

const webhooksRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/webhooks",
  validateSearch: webhooksSearch,
  component: lazyRouteComponent(() => import("./pages/webhooks/webhooks-page.tsx"), "WebhooksPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/settings-page.tsx"), "SettingsPage"),
});

const contentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/content",
  validateSearch: contentSearch,
  component: lazyRouteComponent(() => import("./pages/content/content-page.tsx"), "ContentPage"),
});

const loyaltyRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/loyalty",
  component: lazyRouteComponent(() => import("./pages/loyalty/loyalty-page.tsx"), "LoyaltyPage"),
});

const earningRuleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/loyalty/rules/$key",
  component: lazyRouteComponent(() => import("./pages/loyalty/earning-rule-page.tsx"), "EarningRulePage"),
});

const programRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/loyalty/program",
  component: lazyRouteComponent(() => import("./pages/loyalty/program-page.tsx"), "ProgramPage"),
});

const rewardRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/loyalty/rewards/$key",
  component: lazyRouteComponent(() => import("./pages/loyalty/reward-page.tsx"), "RewardPage"),
});

const offerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/loyalty/offers/$key",
  component: lazyRouteComponent(() => import("./pages/loyalty/offer-page.tsx"), "OfferPage"),
});

const contentItemRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/content/$id",
  validateSearch: itemSearch,
  component: lazyRouteComponent(() => import("./pages/content/item-page.tsx"), "ContentItemPage"),
});

const calendarRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/calendar",
  validateSearch: contentCalendarSearch,
  component: lazyRouteComponent(() => import("./pages/content/calendar-page.tsx"), "CalendarPage"),
});

const campaignsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns",
  validateSearch: campaignsSearch,
  component: lazyRouteComponent(() => import("./pages/campaigns/campaigns-page.tsx"), "CampaignsPage"),
});

const campaignEditorRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/new",
  validateSearch: campaignEditorSearch,
  component: lazyRouteComponent(() => import("./pages/campaigns/editor-page.tsx"), "CampaignEditorPage"),
});

const campaignRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/$id",
  component: lazyRouteComponent(() => import("./pages/campaigns/campaign-page.tsx"), "CampaignPage"),
});

function NoSuchPage() {
  return (
    <Empty title="There is no such page">
      <p>
        The address may be cut short. Go to the <Link to="/">overview</Link> or to the{" "}
        <Link to="/devices" search={{}}>
          appliances
        </Link>
        .
      </p>
    </Empty>
  );
}

const routeTree = rootRoute.addChildren([
  overviewRoute,
  devicesRoute,
  deviceRoute,
  householdsRoute,
  consentTextsRoute,
  erasuresRoute,
  householdRoute,
  segmentsRoute,
  segmentRoute,
  lifecycleRoute,
  modelsRoute,
  rolloutsRoute,
  plannerRoute,
  rolloutRoute,
  releasesRoute,
  casesRoute,
  caseRoute,
  incidentsRoute,
  incidentRoute,
  rulesRoute,
  ruleRoute,
  causesRoute,
  causeRoute,
  answersRoute,
  answerRoute,
  noticesRoute,
  webhooksRoute,
  settingsRoute,
  contentRoute,
  campaignsRoute,
  campaignEditorRoute,
  campaignRoute,
  loyaltyRoute,
  earningRuleRoute,
  programRoute,
  rewardRoute,
  offerRoute,
  contentItemRoute,
  calendarRoute,
  provisioningRoute,
  securityRoute,
]);

export const createConsoleRouter = () =>
  createRouter({
    routeTree,
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    scrollRestoration: true,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
