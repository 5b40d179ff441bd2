import { expect, expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type * as cases from "../../cloud/console/src/api/case-shapes.ts";
import type * as campaigns from "../../cloud/console/src/api/campaign-shapes.ts";
import type * as content from "../../cloud/console/src/api/content-shapes.ts";
import type * as lifecycle from "../../cloud/console/src/api/lifecycle-shapes.ts";
import type * as households from "../../cloud/console/src/api/household-shapes.ts";
import type * as rollouts from "../../cloud/console/src/api/rollout-shapes.ts";
import type * as incidents from "../../cloud/console/src/api/incident-shapes.ts";
import type * as notices from "../../cloud/console/src/api/notice-shapes.ts";
import type * as segments from "../../cloud/console/src/api/segment-shapes.ts";
import type * as rules from "../../cloud/console/src/api/rule-shapes.ts";
import type * as points from "../../cloud/console/src/api/loyalty-shapes.ts";
import type * as read from "../../cloud/console/src/api/shapes.ts";
import type * as support from "../../cloud/console/src/api/support-shapes.ts";
import type * as webhooks from "../../cloud/console/src/api/webhook-shapes.ts";
import type { WebhookEndpoint } from "../../cloud/events/webhook-endpoints.ts";
import type { WebhookDelivery as SentWebhook } from "../../cloud/events/webhook-store.ts";
import type { lateLine } from "../../cloud/service/rule-routes.ts";
import type { Erasure as StoredErasure } from "../../cloud/rights/erasures-store.ts";
import type { Delivery } from "../../cloud/deliveries/deliveries.ts";
import type { Health } from "../../cloud/http/health-routes.ts";
import type { Overview } from "../../cloud/http/overview-routes.ts";
import type { HouseholdEntry, TimelineEntry } from "../../cloud/platform/timeline.ts";
import { mayDo, rights } from "../../cloud/console/src/core/rights.ts";
import { noticeKindWords } from "../../cloud/console/src/core/notices.ts";
import { armMin } from "../../cloud/console/src/core/policy-draft.ts";
import { securityKindNames } from "../../cloud/console/src/core/security.ts";
import { revocationWords } from "../../cloud/console/src/core/certificates.ts";
import { perArmMin } from "../../cloud/engagement/core/lift.ts";
import { revocationReasons } from "../../cloud/pki/pki.ts";
import { securityKinds } from "../../cloud/security/core/security-kinds.ts";
import type { standing as consentStanding } from "../../cloud/consent/consent-routes.ts";
import type {
  calendarView,
  checkView,
  detailView as contentDetail,
  diffView,
  summaryView as contentSummary,
} from "../../cloud/content/content-answers.ts";
import type {
  campaignView,
  campaignWhole,
  estimateView,
  funnelView,
  recallRow,
} from "../../cloud/engagement/campaigns-routes.ts";
import type {
  appInForce,
  decisionView,
  explanation,
  policyInForce,
  traceView,
} from "../../cloud/engagement/decisions-routes.ts";
import type { chosenTopics } from "../../cloud/engagement/topics-routes.ts";
import type { deliveryWithTries, listedEndpoint } from "../../cloud/events/webhooks-routes.ts";
import type { erasureView } from "../../cloud/rights/rights-routes.ts";
import type { NoticeDelivery as SentNotice } from "../../cloud/notices/notices-store.ts";
import type { LifecycleDefinition } from "../../cloud/lifecycle/core/definition.ts";
import type { RiskKind } from "../../cloud/lifecycle/core/risk.ts";
import type { LifecycleDesk } from "../../cloud/lifecycle/lifecycle-desk.ts";
import type { Flow, StageCounts } from "../../cloud/lifecycle/lifecycle-views.ts";
import type { Preview } from "../../cloud/lifecycle/preview.ts";
import type { ConsentReceipt, ConsentText } from "../../cloud/consent/core/consent.ts";
import type { StoredFact } from "../../cloud/facts/facts-store.ts";
import type { Household, ListedHousehold } from "../../cloud/households/core/household.ts";
import type { HouseholdMerge } from "../../cloud/households/core/merge.ts";
import type { DryRun } from "../../cloud/loyalty/dry-run.ts";
import type { Program } from "../../cloud/loyalty/core/program.ts";
import type { LoyaltyRule } from "../../cloud/loyalty/core/rule.ts";
import type { ledgerEntry } from "../../cloud/loyalty/loyalty-routes.ts";
import type { grantView, shopInForce } from "../../cloud/loyalty/offers-routes.ts";
import type { redemptionView } from "../../cloud/loyalty/program-routes.ts";
import type { DeviceMessage } from "../../cloud/platform/device-message.ts";
import type { SearchAnswer } from "../../cloud/search/search.ts";
import type { AnswerTemplate } from "../../cloud/service/core/answer-template.ts";
import type { CauseDefinition } from "../../cloud/service/core/cause-article.ts";
import type { ServiceDocument, DocumentVersion } from "../../cloud/service/service-documents.ts";
import type { caseDossier, foundCause } from "../../cloud/service/case-read-routes.ts";
import type { Release } from "../../cloud/firmware/firmware.ts";
import type {
  failureView,
  freezeView,
  previewView,
  rolloutDetail,
  rolloutSummary,
  scheduleView,
} from "../../cloud/rollouts/rollout-shapes.ts";
import type { caseEntryView, caseView } from "../../cloud/service/case-views.ts";
import type { PolicyVersion } from "../../cloud/service/case-policies.ts";
import type { CaseDesk } from "../../cloud/service/case-desk.ts";
import type { Conversations } from "../../cloud/service/conversation.ts";
import type { FeedbackWeek } from "../../cloud/service/feedback.ts";
import type { Telemetry } from "../../cloud/telemetry/telemetry.ts";
import type { Backtest } from "../../cloud/service/backtest-store.ts";
import type { Incident } from "../../cloud/service/incidents-store.ts";
import { noticeKinds as toldKinds } from "../../cloud/notices/core/notice.ts";
import type { Channel } from "../../cloud/notices/channels.ts";
import type {
  explainedView,
  householdSegments,
  factView,
  memberView,
  previewView as segmentPreview,
  segmentView,
  versionView,
} from "../../cloud/segments/segment-shapes.ts";
import type { serviceRule } from "../../cloud/service/core/rule.ts";
import type { causeDefinition } from "../../cloud/service/core/cause-article.ts";
import type { Diagnosis } from "../../cloud/service/diagnosis-store.ts";
import type { evidenceSnapshot, relatedView } from "../../cloud/service/evidence-store.ts";
import type { WireAnswer } from "../../cloud/security/wire-routes.ts";
import { permissionTable } from "../../cloud/staff/core/permissions.ts";
import type { LatestValue } from "../../cloud/telemetry/telemetry-store.ts";

// Held by the compiler: a field that the service renames no longer fits what the console reads.
test("what the console reads is what the service declares", () => {
  expectTypeOf<Overview>().toExtend<read.Overview>();
  expectTypeOf<z.output<typeof segmentView>>().toExtend<segments.Segment>();
  expectTypeOf<z.output<typeof versionView>>().toExtend<segments.SegmentVersion>();
  expectTypeOf<z.output<typeof factView>>().toExtend<segments.SegmentFact>();
  expectTypeOf<z.output<typeof explainedView>>().toExtend<segments.SegmentTest>();
  expectTypeOf<z.output<typeof segmentPreview>>().toExtend<segments.SegmentPreview>();
  expectTypeOf<z.output<typeof householdSegments>>().toExtend<segments.HouseholdSegments>();
  expectTypeOf<z.output<typeof memberView>>().toExtend<segments.SegmentMember>();
  expectTypeOf<Delivery>().toExtend<read.Delivery>();
  expectTypeOf<Health>().toExtend<read.Health>();
  expectTypeOf<TimelineEntry>().toEqualTypeOf<read.TimelineEntry>();
  expectTypeOf<WireAnswer>().toExtend<read.WireAnswer>();
  expectTypeOf<SearchAnswer>().toExtend<support.SearchAnswer>();
  expectTypeOf<LifecycleDefinition>().toEqualTypeOf<lifecycle.LifecycleDefinition>();
  expectTypeOf<Flow>().toEqualTypeOf<lifecycle.StageFlow>();
  expectTypeOf<StageCounts>().toEqualTypeOf<lifecycle.StageCounts>();
  expectTypeOf<Awaited<ReturnType<LifecycleDesk["flows"]>>>().toExtend<lifecycle.LifecycleFlows>();
  expectTypeOf<Preview>().toExtend<lifecycle.LifecyclePreview>();
  expectTypeOf<RiskKind>().toEqualTypeOf<lifecycle.RiskKind>();
  expectTypeOf<Household & { devices: { id: string; model: string }[] }>().toExtend<households.Household>();
  expectTypeOf<ListedHousehold>().toExtend<households.ListedHousehold>();
  expectTypeOf<LoyaltyRule>().toExtend<points.EarningRule>();
  expectTypeOf<Program["definition"]>().toExtend<points.LoyaltyProgram["definition"]>();
  expectTypeOf<DryRun>().toExtend<points.DryRun>();
  expectTypeOf<z.infer<typeof ledgerEntry>>().toExtend<points.LedgerEntry>();
  expectTypeOf<z.infer<typeof grantView>>().toExtend<points.OfferGrant>();
  expectTypeOf<z.infer<typeof redemptionView>>().toExtend<points.Redemption>();
  expectTypeOf<HouseholdEntry>().toEqualTypeOf<households.HouseholdEntry>();
  expectTypeOf<ConsentReceipt>().toExtend<households.ConsentReceipt>();
  expectTypeOf<ConsentText>().toExtend<households.ConsentText>();
  expectTypeOf<HouseholdMerge>().toExtend<households.HouseholdMerge>();
  expectTypeOf<StoredFact>().toExtend<households.HouseholdFact>();
  expectTypeOf<z.infer<typeof caseDossier>>().toExtend<support.CaseBrief>();
  expectTypeOf<ServiceDocument<CauseDefinition>>().toExtend<support.InForce<cases.CauseArticle>>();
  expectTypeOf<DocumentVersion<AnswerTemplate>>().toExtend<support.WrittenVersion<support.AnswerTemplate>>();
  expectTypeOf<z.infer<typeof foundCause>>().toEqualTypeOf<support.FoundCause>();
  expectTypeOf<DeviceMessage>().toExtend<support.DeviceMessage>();
  expectTypeOf<z.infer<typeof rolloutSummary>>().toExtend<rollouts.RolloutSummary>();
  expectTypeOf<z.infer<typeof rolloutDetail>>().toExtend<rollouts.RolloutDetail>();
  expectTypeOf<z.infer<typeof failureView>>().toExtend<rollouts.RolloutFailure>();
  expectTypeOf<z.infer<typeof previewView>>().toExtend<rollouts.RolloutPreview>();
  expectTypeOf<z.infer<typeof scheduleView>>().toExtend<rollouts.Schedule>();
  expectTypeOf<z.infer<typeof freezeView>>().toExtend<rollouts.Freeze>();
  expectTypeOf<Release>().toExtend<Omit<rollouts.Release, "running">>();
  expectTypeOf<z.infer<typeof caseView>>().toExtend<cases.QueuedCase>();
  expectTypeOf<PolicyVersion>().toExtend<cases.PolicyVersion>();
  expectTypeOf<Telemetry["kept"]>().toEqualTypeOf<read.Retention>();
  expectTypeOf<z.infer<typeof caseEntryView>>().toExtend<cases.CaseEntry>();
  expectTypeOf<z.infer<typeof evidenceSnapshot>>().toExtend<cases.Snapshot>();
  expectTypeOf<z.infer<typeof relatedView>>().toExtend<cases.RelatedCase>();
  expectTypeOf<z.infer<typeof causeDefinition>>().toExtend<cases.CauseArticle>();
  expectTypeOf<z.infer<typeof serviceRule>>().toExtend<rules.ServiceRule>();
  expectTypeOf<z.infer<typeof lateLine>>().toExtend<rules.RuleLateLine>();
  expectTypeOf<Backtest>().toExtend<Omit<rules.Backtest, "share" | "firesWidely" | "wouldBe" | "leftOut">>();
  expectTypeOf<Omit<Incident, "state">>().toExtend<Omit<incidents.Incident, "status" | "statusAtMs" | "resolvedBy">>();
  expectTypeOf<Channel>().toExtend<notices.NoticeChannel>();
  expectTypeOf<z.output<typeof contentSummary>>().toExtend<content.ContentSummary>();
  // The words of a version are as its kind has them, which neither side says more closely.
  type Versions = z.output<typeof contentDetail>["versions"][number];
  expectTypeOf<Omit<z.output<typeof contentDetail>, "versions">>().toExtend<Omit<content.ContentDetail, "versions">>();
  expectTypeOf<Omit<Versions, "locales">>().toExtend<Omit<content.ContentVersion, "locales">>();
  expectTypeOf<z.output<typeof checkView>>().toExtend<content.ContentCheck>();
  expectTypeOf<z.output<typeof diffView>["fields"][number]>().toExtend<content.FieldDiff>();
  expectTypeOf<z.output<typeof calendarView>["items"][number]>().toExtend<content.CalendarEntry>();
  expectTypeOf<z.output<typeof campaignView>>().toExtend<campaigns.Campaign>();
  expectTypeOf<z.output<typeof policyInForce>>().toExtend<campaigns.PolicyInForce>();
  expectTypeOf<z.output<typeof appInForce>>().toExtend<campaigns.MakersApp>();
  expectTypeOf<z.output<typeof shopInForce>>().toExtend<points.LoyaltyShop>();
  expectTypeOf<z.output<typeof campaignWhole>>().toExtend<campaigns.CampaignDetail>();
  expectTypeOf<z.output<typeof funnelView>>().toExtend<campaigns.CampaignFunnel>();
  expectTypeOf<z.output<typeof estimateView>>().toExtend<campaigns.CampaignEstimate>();
  expectTypeOf<z.output<typeof recallRow>>().toExtend<campaigns.RecallHousehold>();
  expectTypeOf<z.output<typeof traceView>>().toExtend<campaigns.DecisionTrace>();
  expectTypeOf<z.output<typeof decisionView>>().toExtend<campaigns.Decision>();
  expectTypeOf<z.output<typeof explanation>>().toExtend<campaigns.DecisionExplanation>();
  expectTypeOf<z.output<typeof chosenTopics>>().toEqualTypeOf<households.ChosenTopics>();
  expectTypeOf<z.output<typeof consentStanding>>().toExtend<households.ConsentStanding>();
  expectTypeOf<z.output<typeof listedEndpoint>>().toExtend<webhooks.ListedWebhook>();
  expectTypeOf<z.output<typeof deliveryWithTries>>().toExtend<webhooks.WebhookDeliveryDetail>();
  expectTypeOf<z.output<typeof erasureView>>().toExtend<webhooks.Erasure>();
  expectTypeOf<Omit<SentNotice, "nextAtMs"> & { nextAtMs: number | null }>().toExtend<notices.NoticeDelivery>();
  expectTypeOf<Awaited<ReturnType<CaseDesk["queueCounts"]>>>().toExtend<cases.QueueCounts>();
  expectTypeOf<Awaited<ReturnType<CaseDesk["assignees"]>>[number]>().toEqualTypeOf<cases.Assignee>();
  expectTypeOf<NonNullable<Awaited<ReturnType<Conversations["beside"]>>>["reach"]>().toEqualTypeOf<
    cases.Beside["reach"]
  >();
  expectTypeOf<FeedbackWeek>().toExtend<cases.FeedbackWeek>();
  expectTypeOf<WebhookEndpoint>().toExtend<webhooks.Webhook>();
  expectTypeOf<Omit<SentWebhook, "endpointId">>().toExtend<webhooks.WebhookDelivery>();
  expectTypeOf<StoredErasure>().toExtend<webhooks.Erasure>();
  expectTypeOf<Diagnosis>().toExtend<cases.Diagnosis>();
  expectTypeOf<LatestValue>().toEqualTypeOf<Pick<read.LatestValue, "metric" | "value" | "atMs" | "clockSuspect">>();
});

test("what the console offers by role is what the service allows, and it has words for every kind and reason", () => {
  expect(permissionTable).toMatchObject(rights);
  expect([mayDo("viewer", "security.read"), mayDo("support", "security.read")]).toEqual([false, true]);
  expect(Object.keys(securityKindNames).toSorted()).toEqual(Object.keys(securityKinds).toSorted());
  expect(Object.keys(noticeKindWords).toSorted()).toEqual(toldKinds.toSorted());
  expect(armMin).toBe(perArmMin);
  expect(Object.keys(revocationWords).toSorted()).toEqual(Object.keys(revocationReasons).toSorted());
});
