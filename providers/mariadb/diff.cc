#include "providers/mariadb/diff.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "providers/mariadb/connection.h"
#include "providers/mariadb/draft.h"
#include "providers/mariadb/policy.h"

namespace fairlead::mariadb {

std::size_t Draft::add(std::string verb, std::string resource, std::string statement,
                       std::string cause, Needs needs) {
  Step step;
  step.verb = std::move(verb);
  step.resource = std::move(resource);
  if (why.empty()) why = step.verb + " " + step.resource + ": " + cause;
  step.cause = std::move(cause);
  step.needs = std::move(needs);
  step.request = writing_call(keys, *view.session, std::move(statement));
  return plan.add(std::move(step));
}

void Draft::wait(std::string resource, std::string cause, Needs needs) {
  Step step;
  step.verb = "wait";
  step.resource = std::move(resource);
  step.cause = std::move(cause);
  step.needs = std::move(needs);
  plan.add(std::move(step));
}

std::size_t revoke_everything(Draft& draft, const SeenPrivileges& held, const Account& account,
                              const std::string& cause, Needs needs) {
  const std::string of = " of " + account.text() + " on " + held.target.text();
  std::optional<std::size_t> last;
  // What is held may be a privilege that only a later server knows.
  if (!held.held.empty() || !held.grant_option) {
    last = draft.add("revoke", "privileges" + of, revoke_all(held.target, account), cause, needs);
    needs = {*last};
  }
  if (!held.grant_option) return *last;
  return draft.add("revoke", "grant option" + of, revoke_grant_option(held.target, account), cause,
                   needs);
}

Needs kill_sessions(Draft& draft, const std::set<std::string>& spared, const std::string& cause) {
  Needs killed;
  for (const SeenSession& session : draft.seen.sessions) {
    if (spared.count(session.address) > 0) continue;
    killed.push_back(draft.add("kill", "session " + session.id + " of " + draft.view.app,
                               kill(session.id), cause + ", from " + session.address));
  }
  return killed;
}

std::optional<Needs> shut_out(Draft& draft, const std::string& cause) {
  const std::string& app = draft.view.app;
  if (!draft.seen.account) return Needs();
  if (draft.seen.account->locked) return kill_sessions(draft, {}, cause);
  const Needs locked = {draft.add("lock", "user " + app, lock_user(app), cause)};
  draft.wait("sessions of " + app, "they are ended next", locked);
  return std::nullopt;
}

namespace {

constexpr std::chrono::seconds conflict_interval{30};  // no event tells that it is solved

const SeenApp& seen_of(const View& view) {
  static const SeenApp nothing;
  const auto* seen = dynamic_cast<const SeenApp*>(view.seen);
  return seen ? *seen : nothing;
}

std::string words(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ", ") + one;
  return text;
}

// Connections of the server's that no app is to have: fairlead's own, and people who look.
constexpr int reserve = 10;

// Said once, where there is most to be gained.
void warn_of_promises(const View& view, Report& report) {
  const auto* server = dynamic_cast<const SeenServer*>(view.shared);
  if (!server || server->connections_max == 0 || server->largest != view.app) return;
  if (server->promised <= server->connections_max - reserve) return;
  report.warn("the apps' connections_max add up to " + std::to_string(server->promised) +
              ", MariaDB has " + std::to_string(server->connections_max) + " less " +
              std::to_string(reserve) +
              " for fairlead, so that they can keep one another out: lower connections_max, this "
              "app's first, or raise --max-connections of the server");
}

// Drafts the plan of an app that needs a database.
class WantedDiff {
 public:
  WantedDiff(Draft& draft, const DatabaseSpec& spec) : draft_(draft), spec_(spec) {}

  void run() {
    if (in_the_way()) return;
    const SeenApp& seen = draft_.seen;
    Needs needs;
    if (seen.database) {
      draft_.report.resources.push_back({"database", app(), "there", remarks()});
    } else {
      needs = {draft_.add("create", "database " + app(), create_database(app(), comment()),
                          "there is none")};
    }
    needs = diff_account(draft_, spec_, std::move(needs));
    privileges(needs);
    if (!draft_.why.empty()) draft_.report.out_of_sync("DatabaseNotReady", draft_.why);
  }

 private:
  const std::string& app() const { return draft_.view.app; }
  Account own() const { return {app()}; }
  const Ownership& ownership() const { return draft_.view.wanted->ownership; }
  std::string comment() const {
    return database_comment(draft_.keys, app(), owner_mark(ownership().owner));
  }

  bool in_the_way() {
    const SeenApp& seen = draft_.seen;
    if (is_reserved(app())) {
      conflict(
          "database " + app(),
          "the name is MariaDB's own; give the app another name, or take `database` out of its "
          "needs");
    } else if (seen.database && !seen.database->ours) {
      conflict(
          "database " + app(),
          "a database of this name exists and is not fairlead's; drop it, give the app another "
          "name, or hand it over: ALTER DATABASE " +
              identifier(app()) + " COMMENT '" + comment() + "'");
    } else if (seen.database && ownership().forbids(seen.database->owner)) {
      draft_.report.owned_by = seen.database->owner;
      conflict("database " + app(), forbidden_text(app(), ownership(), seen.database->owner));
    } else if (seen.account && !seen.account->ours) {
      conflict("user " + app(), "an account " + own().text() +
                                    " exists and is not fairlead's; drop or rename it, or give the "
                                    "app another name");
    } else {
      return false;
    }
    return true;
  }

  // The wait keeps containers from being created without what they need.
  void conflict(const std::string& resource, const std::string& message) {
    Report& report = draft_.report;
    report.conflicts.push_back({resource, message});
    report.worsen(HealthState::degraded, "Conflict", resource + ": " + message);
    report.out_of_sync("Conflict", message);
    report.due(draft_.view.now.steady + conflict_interval);
    draft_.wait(resource, "the name is taken", {});
  }

  // What is not as it should be and is left to people.
  std::string remarks() const {
    const SeenApp& seen = draft_.seen;
    std::vector<std::string> all;
    if (seen.database->charset != "utf8mb4") {
      all.push_back("its character set is " + seen.database->charset + ", not utf8mb4");
    }
    for (const SeenGuest& guest : seen.guests) {
      all.push_back(guest.account.text() + " holds privileges on it");
    }
    for (const std::string& host : seen.other_hosts) {
      all.push_back("logins from " + host + " use the account " + Account{app(), host}.text() +
                    ", which is not fairlead's");
    }
    return words(all);
  }

  void privileges(const Needs& needs) {
    const SeenApp& seen = draft_.seen;
    const Target database{Target::Kind::database, pattern(app()), ""};
    const SeenPrivileges nothing{database, {}, false};
    const SeenPrivileges* held = &nothing;
    for (const SeenPrivileges& one : seen.privileges) {
      if (one.target == database) held = &one;
    }
    own_database(seen.account ? *held : nothing, needs);
    if (!seen.account) return;
    for (const SeenPrivileges& one : seen.privileges) {
      if (&one != held) elsewhere(one, needs);
    }
    if (seen.account->global) {
      const SeenPrivileges global{{}, {"ALL"}, seen.account->global_grant};
      revoke_everything(draft_, global, own(), "global privileges were granted by hand", needs);
    }
    for (const std::string& role : seen.roles) {
      draft_.add("revoke", "role " + identifier(role) + " of " + app(), revoke_role(role, app()),
                 "it was granted by hand", needs);
    }
  }

  void own_database(const SeenPrivileges& held, const Needs& needs) {
    std::vector<std::string> missing;
    for (const std::string_view privilege : app_privileges) {
      if (std::find(held.held.begin(), held.held.end(), privilege) == held.held.end()) {
        missing.emplace_back(privilege);
      }
    }
    if (!missing.empty()) {
      const bool all = missing.size() == app_privileges_count;
      draft_.add("grant", "privileges of " + app(), grant(app()),
                 all ? "it has none" : words(missing) + " revoked by hand", needs);
    }
    std::vector<std::string> surplus;
    const auto& other = other_privileges[0];
    if (std::find(held.held.begin(), held.held.end(), other) != held.held.end()) {
      surplus.emplace_back(other);
    }
    if (held.grant_option) surplus.emplace_back(other_privileges[1]);
    if (surplus.empty()) return;
    draft_.add("revoke", "privileges of " + app(), revoke(surplus, app()),
               words(surplus) + " was granted by hand", needs);
  }

  void elsewhere(const SeenPrivileges& held, const Needs& needs) {
    // On its own routines the server itself grants; that gives nothing that it had not.
    const bool inside = held.target.kind != Target::Kind::database && held.target.database == app();
    if (inside && !held.grant_option) return;
    std::vector<std::string> what = held.held;
    if (held.grant_option) what.emplace_back(other_privileges[1]);
    revoke_everything(draft_, held, own(),
                      words(what) + " on " + held.target.text() + " was granted by hand", needs);
  }

  Draft& draft_;
  const DatabaseSpec& spec_;
};

// The manifest asks for no database, but there is one: nobody may use it any more.
void diff_kept(Draft& draft) {
  const SeenApp& seen = draft.seen;
  if (seen.database && seen.database->ours) {
    draft.report.resources.push_back(
        {"database", draft.view.app, "kept", "the manifest needs none any more"});
  }
  if (!seen.account || !seen.account->ours || !draft.view.standing.settled) return;
  shut_out(draft, "the manifest needs no database any more");
  if (!draft.why.empty()) draft.report.out_of_sync("DatabaseNotReady", draft.why);
}

}  // namespace

void diff_app(const Keys& keys, const View& view, Plan& plan, Report& report) {
  Draft draft{keys, view, seen_of(view), plan, report, ""};
  const DatabaseSpec* spec = spec_of(view.wanted);
  if (spec) {
    warn_of_promises(view, report);
    return WantedDiff(draft, *spec).run();
  }
  diff_kept(draft);
}

void diff_removal(const Keys& keys, const View& view, Plan& plan, Report& report) {
  if (view.standing.running) return;
  const SeenApp& seen = seen_of(view);
  Draft draft{keys, view, seen, plan, report, ""};
  const std::string& app = view.app;
  const bool has_account = seen.account && seen.account->ours;
  Needs needs;
  if (has_account) {
    const std::optional<Needs> out = shut_out(draft, "the manifest is gone");
    if (!out) return;
    needs = *out;
  }
  if (!view.drop_data) return;
  const std::string cause = "reclaim: delete";
  if (has_account) needs = {draft.add("remove", "user " + app, drop_user(app), cause, needs)};
  if (!seen.database || !seen.database->ours) return;
  // Whoever made a database of this name later would find them there.
  const Needs before = needs;
  for (const SeenGuest& guest : seen.guests) {
    const SeenPrivileges held{
        {Target::Kind::database, pattern(app), ""}, {"ALL"}, guest.grant_option};
    needs.push_back(
        revoke_everything(draft, held, guest.account, "privileges outlive a database", before));
  }
  draft.add("remove", "database " + app, drop_database(app), cause, needs);
}

}  // namespace fairlead::mariadb
