#include <algorithm>
#include <utility>

#include "providers/mariadb/draft.h"

namespace fairlead::mariadb {
namespace {

bool same(std::vector<std::string> a, std::vector<std::string> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

class AccountDiff {
 public:
  AccountDiff(Draft& draft, const DatabaseSpec& spec)
      : draft_(draft),
        spec_(spec),
        account_(*draft.seen.account),
        passwords_(draft.keys, draft.view.app, spec.rotation),
        current_(passwords_.current()),
        tombstone_(passwords_.tombstone()) {
    sort_out();
  }

  Needs run(const Needs& needs) {
    const bool settled = draft_.view.standing.settled;
    const bool ending = settled && (marked_ || !earlier_.empty());
    if (!ending) {
      std::vector<std::string> wanted = earlier_;
      if (marked_) wanted.push_back(tombstone_);
      wanted.push_back(current_);
      report(earlier_.empty() ? ""
                              : "rotation: both passwords valid until the containers have rolled");
      return alter(wanted, has_current_ ? "" : overlap_cause(), needs);
    }
    if (!same(account_.hashes, {current_, tombstone_})) return close_old(needs);
    report("rotation: the sessions of the old password are being ended");
    const Needs killed = kill_old();
    return alter({current_}, rotation() + ": its old sessions are ended", joined(needs, killed));
  }

 private:
  void sort_out() {
    for (const std::string& hash : account_.hashes) {
      if (hash == current_) {
        has_current_ = true;
      } else if (hash == tombstone_) {
        marked_ = true;
      } else if (passwords_.ours(hash)) {
        earlier_.push_back(hash);
      } else {
        foreign_ = true;
      }
    }
  }

  static Needs joined(Needs needs, const Needs& more) {
    needs.insert(needs.end(), more.begin(), more.end());
    return needs;
  }

  std::string where() const { return " (" + draft_.view.wanted->app->where("needs") + ")"; }
  std::string rotation() const { return "rotation " + std::to_string(spec_.rotation) + where(); }
  std::string overlap_cause() const {
    return earlier_.empty() ? ""
                            : rotation() + ": both passwords, until the containers have rolled";
  }

  Needs close_old(const Needs& needs) {
    report("rotation: the containers have rolled, the old password goes");
    const Needs closed =
        alter({current_, tombstone_},
              rotation() + ": the containers have rolled, the old password goes", needs);
    draft_.wait("sessions of " + draft_.view.app, "those of the old password are ended next",
                closed);
    return closed;
  }

  // What connects from a container of the wanted revision has the new password already.
  Needs kill_old() {
    const bool external = draft_.view.platform->database.external;
    const std::vector<std::string>& addresses = draft_.view.standing.addresses;
    std::set<std::string> spared;
    if (!external) spared.insert(addresses.begin(), addresses.end());
    return kill_sessions(draft_, spared, rotation() + ": opened with the old password");
  }

  // One statement sets everything, so that whatever differs is mended by it.
  Needs alter(const std::vector<std::string>& hashes, const std::string& cause,
              const Needs& needs) {
    std::vector<std::string> causes = drift();
    if (!cause.empty()) causes.insert(causes.begin(), cause);
    if (causes.empty() && !same(account_.hashes, hashes)) causes.push_back("its passwords differ");
    if (causes.empty()) return needs;
    std::string all;
    for (const std::string& one : causes) all += (all.empty() ? "" : "; ") + one;
    return {draft_.add("update", "user " + draft_.view.app,
                       alter_user(draft_.view.app, hashes, spec_.connections_max), all, needs)};
  }

  std::vector<std::string> drift() const {
    std::vector<std::string> causes;
    if (foreign_) {
      causes.emplace_back(has_current_ ? "another password was added by hand"
                                       : "password changed by hand");
    } else if (account_.hashes.empty()) {
      causes.emplace_back("password removed by hand");
    }
    for (const std::string& plugin : account_.plugins) {
      causes.push_back("login by " + plugin + " was added by hand");
    }
    if (account_.locked) causes.emplace_back("it is locked");
    if (account_.connections_max != spec_.connections_max) {
      causes.push_back("connections_max " + std::to_string(account_.connections_max) + " → " +
                       std::to_string(spec_.connections_max) + where());
    }
    if (account_.other_limits) causes.emplace_back("limits were set by hand");
    if (account_.demands_tls) causes.emplace_back("TLS was demanded by hand");
    if (account_.expires) causes.emplace_back("its password would expire");
    return causes;
  }

  void report(const std::string& text) {
    draft_.report.resources.push_back(
        {"user", draft_.view.app, account_.locked ? "locked" : "there", text});
  }

  Draft& draft_;
  const DatabaseSpec& spec_;
  const SeenAccount& account_;
  Passwords passwords_;
  std::string current_;
  std::string tombstone_;
  std::vector<std::string> earlier_;  // of ours, those of other rotations
  bool has_current_ = false;
  bool marked_ = false;   // the tombstone is there
  bool foreign_ = false;  // a password that is none of ours
};

}  // namespace

Needs diff_account(Draft& draft, const DatabaseSpec& spec, Needs needs) {
  if (draft.seen.account) return AccountDiff(draft, spec).run(needs);
  const std::string& app = draft.view.app;
  if (!draft.seen.privileges.empty() || !draft.seen.roles.empty()) {
    needs = {draft.add("remove", "user " + app, drop_user(app),
                       "privileges of an account that is gone are left", needs)};
  }
  const std::string hash = Passwords(draft.keys, app, spec.rotation).current();
  return {draft.add("create", "user " + app, create_user(app, hash, spec.connections_max),
                    "there is none", needs)};
}

}  // namespace fairlead::mariadb
