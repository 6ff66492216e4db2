#include "providers/mariadb/mariadb.h"

#include <map>

#include "providers/listing.h"
#include "providers/mariadb/connection.h"
#include "providers/mariadb/diff.h"
#include "providers/mariadb/judge.h"
#include "providers/mariadb/observe.h"
#include "providers/mariadb/policy.h"
#include "providers/mariadb/resolve.h"
#include "providers/mariadb/seen.h"

namespace fairlead::mariadb {
namespace {

// Thing → how it is, as far as anything depends on it; passwords in it, so never shown.
Listing listing(const Section* section) {
  Listing lines;
  const auto* seen = dynamic_cast<const SeenApp*>(section);
  if (!seen || !seen->has_ours()) return lines;
  if (seen->database && seen->database->ours) {
    lines["database " + seen->app] = seen->database->charset;
  }
  if (seen->account) {
    const SeenAccount& account = *seen->account;
    std::string& passwords = lines["password of user " + seen->app];
    for (const std::string& hash : account.hashes) passwords += hash + " ";
    for (const std::string& plugin : account.plugins) passwords += plugin + " ";
    lines["user " + seen->app] =
        std::to_string(account.connections_max) + (account.locked ? " locked" : "") +
        (account.other_limits ? " limits" : "") + (account.demands_tls ? " tls" : "") +
        (account.expires ? " expires" : "") + (account.global ? " global" : "");
  }
  for (const SeenPrivileges& held : seen->privileges) {
    std::string& text = lines["privileges of user " + seen->app + " on " + held.target.text()];
    for (const std::string& one : held.held) text += one + " ";
    if (held.grant_option) text += "grant";
  }
  for (const std::string& role : seen->roles) lines["role " + role + " of user " + seen->app] = "";
  for (const SeenGuest& guest : seen->guests) {
    lines["privileges of " + guest.account.text() + " on database " + seen->app] = "";
  }
  return lines;
}

class MariaDb : public Provider {
 public:
  explicit MariaDb(const Keys& keys) : keys_(keys) {}

  std::string_view name() const override { return "mariadb"; }
  std::set<std::string> offers() const override { return {"database"}; }
  std::string hosted_by(const Platform& platform) const override {
    return platform.database.external ? "" : "mariadb";
  }
  Result<void> resolve(const ResolveInput& input, Graph& graph) const override {
    return resolve_app(keys_, input, graph);
  }

  Place place(const Platform& platform) const override { return {platform.database.host, ""}; }
  std::optional<Call> handshake(const Place& place, const Platform& platform,
                                const std::vector<Answer>& so_far) const override {
    if (!so_far.empty()) return std::nullopt;
    return version_call(keys_, place, platform);
  }
  Result<Session> negotiate(const Place& place, const Platform& platform,
                            const std::vector<Answer>& answers) const override {
    return negotiate_version(place, platform, answers);
  }
  std::optional<HttpCall> subscription(const Session&) const override { return std::nullopt; }
  Hint decode_event(std::string_view) const override { return {}; }

  std::unique_ptr<Observer> observe(const Session& session, const Scope& scope) const override {
    return scope.app.empty() ? observe_all(keys_, session) : observe_app(keys_, session, scope);
  }

  std::vector<std::string> changes(const Section* before, const Section* after) const override {
    return differences(listing(before), listing(after), Shown::names);
  }

  void diff(const View& view, Plan& plan, Report& report) const override {
    if (view.wanted) return diff_app(keys_, view, plan, report);
    diff_removal(keys_, view, plan, report);
  }
  std::vector<Probe> probes(const View&) const override { return {}; }
  std::vector<std::string> objects(const Section*) const override { return {}; }

  std::vector<std::string> data(const Section* section) const override {
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen || !seen->database || !seen->database->ours) return {};
    return {"database " + seen->app};
  }

  bool anything(const Section* section) const override {
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen || !seen->account || !seen->account->ours) return false;
    return !seen->account->locked || !seen->sessions.empty();
  }

  Result<void> policy(const Call& call, const Platform&, const Tenant*) const override {
    return check_policy(call);
  }
  Outcome judge(const Step& step, const Answer& answer) const override {
    return judge_step(step, answer);
  }

 private:
  const Keys& keys_;
};

}  // namespace

std::unique_ptr<Provider> make_provider(const Keys& keys) {
  return std::make_unique<MariaDb>(keys);
}

}  // namespace fairlead::mariadb
