import { createHash } from "node:crypto";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, OwnerPrincipal } from "../staff/staff.ts";
import type { CodeGuard } from "./code-guard.ts";
import {
  type Household,
  invitationMs,
  invitationsMax,
  type JoinRequest,
  type Member,
  membersMax,
} from "./core/household.ts";
import type { HouseholdsStore } from "./households-store.ts";
import { type Invitation, InvitationsStore } from "./invitations-store.ts";

/** 256 random bits need no slow hash: nobody guesses them, and a plain hash keeps every request fast. */
const sha256 = (secret: string) => createHash("sha256").update(secret).digest();

/** In front of every owner's and member's key. */
const ownerKeyPrefix = "hearth_owner_";

interface MembersDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  store: HouseholdsStore;
  guard: CodeGuard;
  publicUrl: () => string;
}

/** The people of a household: their keys, who is the owner, and the invitations by which more come. */
export class Members {
  readonly #deps: MembersDeps;
  readonly #invitations = new InvitationsStore();

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  /** The person of a key's secret, or null: a key that ended and one that never was look the same. */
  async authenticate(secret: string): Promise<OwnerPrincipal | null> {
    if (!secret.startsWith(ownerKeyPrefix)) return null;
    const member = await this.#deps.store.memberOfKey(this.#deps.db, sha256(secret));
    if (member === null) return null;
    return { kind: "owner", householdId: member.household_id, memberId: member.id, role: member.role };
  }

  /** Adds a person with a key of their own. Its secret is in the answer and nowhere else. The caller holds the household. */
  async add(tx: Db, householdId: string, given: Omit<Member, "id">): Promise<{ member: Member; secret: string }> {
    const { store, ids, clock } = this.#deps;
    const member: Member = { id: ids.next(), ...given };
    const secret = ownerKeyPrefix + ids.secret();
    await store.insertMember(tx, householdId, member, sha256(secret), clock.nowMs());
    return { member, secret };
  }

  /** Gives a person a new key in place of the one in hand, which ends now. */
  async rotateKey(by: OwnerPrincipal): Promise<{ kind: "rotated"; secret: string } | Refused<"member_not_found">> {
    const { db, ids, store } = this.#deps;
    const secret = ownerKeyPrefix + ids.secret();
    return transaction(db, async (tx) => {
      if ((await this.#hold(tx, by)) === null) return refused("member_not_found");
      await store.setKey(tx, by.memberId, sha256(secret));
      await this.#record(tx, by, "household.key_rotated", { memberId: by.memberId });
      return { kind: "rotated", secret };
    });
  }

  /** The owner removes anybody else; a member only itself. Their key ends now. */
  async remove(
    by: OwnerPrincipal,
    memberId: string,
  ): Promise<{ kind: "removed" } | Refused<"member_not_found" | "not_the_owner" | "owner_stays">> {
    return transaction(this.#deps.db, async (tx) => {
      const held = await this.#hold(tx, by);
      const target = held?.household.members.find(({ id }) => id === memberId);
      if (held === null || target === undefined) return refused("member_not_found");
      if (held.me.role !== "owner" && target.id !== held.me.id) return refused("not_the_owner");
      if (target.role === "owner") return refused("owner_stays");
      await this.#deps.store.removeMember(tx, target.id);
      await this.#record(tx, by, "household.member_removed", { memberId: target.id });
      return { kind: "removed" };
    });
  }

  /** The owner makes another member the owner, and is a member from then on. */
  async makeOwner(
    by: OwnerPrincipal,
    memberId: string,
  ): Promise<{ kind: "moved" | "unchanged" } | Refused<"member_not_found" | "not_the_owner" | "member_without_key">> {
    return transaction(this.#deps.db, async (tx) => {
      const held = await this.#hold(tx, by);
      if (held === null) return refused("member_not_found");
      if (held.me.role !== "owner") return refused("not_the_owner");
      if (memberId === held.me.id) return { kind: "unchanged" };
      const target = await this.#deps.store.member(tx, by.householdId, memberId);
      if (target === null) return refused("member_not_found");
      if (!target.has_key) return refused("member_without_key");
      await this.#deps.store.moveOwnership(tx, held.me.id, target.id);
      await this.#record(tx, by, "household.owner_changed", { from: held.me.id, to: target.id });
      return { kind: "moved" };
    });
  }

  /** Makes a link by which one person may join. Its code is in the answer and nowhere else. */
  async invite(
    by: OwnerPrincipal,
  ): Promise<
    | { kind: "invited"; invitation: Invitation; code: string; link: string }
    | Refused<"not_the_owner" | "too_many_invitations">
  > {
    const { db, clock, ids, publicUrl } = this.#deps;
    const code = ids.secret();
    return transaction(db, async (tx) => {
      const held = await this.#hold(tx, by);
      if (held?.me.role !== "owner") return refused("not_the_owner");
      const createdAtMs = clock.nowMs();
      const open = await this.#invitations.list(tx, by.householdId, createdAtMs, invitationsMax);
      if (open.length >= invitationsMax) return refused("too_many_invitations");
      const { householdId } = by;
      const invitation = { id: ids.next(), householdId, createdAtMs, expiresAtMs: createdAtMs + invitationMs };
      await this.#invitations.insert(tx, invitation, sha256(code));
      await this.#record(tx, by, "household.invited", { invitationId: invitation.id });
      // Behind the hash sign, so that no server on the way and no log ever sees it.
      return { kind: "invited", invitation, code, link: `${publicUrl()}/join#${code}` };
    });
  }

  invitations(householdId: string): Promise<Invitation[]> {
    const { db, clock } = this.#deps;
    return this.#invitations.list(db, householdId, clock.nowMs(), invitationsMax);
  }

  async withdraw(by: OwnerPrincipal, id: string): Promise<{ kind: "withdrawn" } | Refused<"invitation_not_found">> {
    return transaction(this.#deps.db, async (tx) => {
      if (!(await this.#invitations.remove(tx, by.householdId, id))) return refused("invitation_not_found");
      await this.#record(tx, by, "household.invitation_withdrawn", { invitationId: id });
      return { kind: "withdrawn" };
    });
  }

  /** Redeems an invitation: a new member, with a key. Never an owner, whatever was sent. */
  async join(given: JoinRequest, address: string) {
    return this.#deps.guard.attempt(address, "invitation_wrong", () => this.#join(given));
  }

  async #join(
    given: JoinRequest,
  ): Promise<
    | { kind: "joined"; household: Household; member: Member; secret: string }
    | Refused<"invitation_wrong" | "too_many_members">
  > {
    const { db, clock, store } = this.#deps;
    const code = sha256(given.code);
    return transaction(db, async (tx) => {
      const householdId = await this.#invitations.householdOf(tx, code, clock.nowMs());
      const household = householdId === null ? null : await store.getForChange(tx, householdId);
      if (household === null) return refused("invitation_wrong");
      if (household.members.length >= membersMax) return refused("too_many_members");
      if (!(await this.#invitations.take(tx, code))) return refused("invitation_wrong");
      const person = { name: given.name, email: given.email ?? null, role: "member" as const };
      const { member, secret } = await this.add(tx, household.id, person);
      const by: OwnerPrincipal = { kind: "owner", householdId: household.id, memberId: member.id, role: "member" };
      await this.#record(tx, by, "household.member_added", { memberId: member.id });
      return { kind: "joined", household, member, secret };
    });
  }

  async removeExpired(): Promise<void> {
    await this.#invitations.removeExpired(this.#deps.db, this.#deps.clock.nowMs());
  }

  /** The household, held, and who in it asks: by now they may be gone, or no longer its owner. */
  async #hold(tx: Db, by: OwnerPrincipal): Promise<{ household: Household; me: Member } | null> {
    const household = await this.#deps.store.getForChange(tx, by.householdId);
    const me = household?.members.find(({ id }) => id === by.memberId);
    return household === null || me === undefined ? null : { household, me };
  }

  /** The audit log is append-only and outlives an erasure, so it names people by their ids alone. */
  #record(tx: Db, principal: OwnerPrincipal, action: string, after: unknown): Promise<void> {
    return this.#deps.audit.record(tx, { principal, action, subject: `household:${principal.householdId}`, after });
  }
}
