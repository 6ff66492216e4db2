#include "providers/mariadb/observe.h"

#include <optional>
#include <string>
#include <utility>

#include "providers/mariadb/connection.h"
#include "providers/mariadb/decode.h"
#include "providers/mariadb/judge.h"
#include "providers/mariadb/resolve.h"

namespace fairlead::mariadb {
namespace {

// At most one call.
class SeenObserver : public Observer {
 public:
  SeenObserver(const Keys& keys, std::optional<SqlCall> call, std::string app, int rotation)
      : keys_(keys), call_(std::move(call)), app_(std::move(app)), rotation_(rotation) {}

  std::vector<Call> next() override {
    std::vector<Call> calls;
    if (call_) calls.emplace_back(std::move(*call_));
    call_.reset();
    return calls;
  }

  Result<void> take(std::size_t, const Answer& answer) override {
    if (!answer.ok()) return unreadable(code_of(answer), explain(answer));
    Result<Seen> seen = decode_seen(keys_, answer.body, rotation_);
    if (!seen) return unreadable(seen.error().code, seen.error().message);
    if (app_.empty()) observed_.shared = std::make_shared<SeenServer>(seen->server);
    for (auto& [name, section] : seen->apps) {
      // A listing of all apps names those that have something of ours: foreign names are no apps.
      const bool asked_for = app_.empty() ? section->has_ours() : name == app_;
      if (asked_for) observed_.apps[name] = std::move(section);
    }
    return {};
  }

  Observed finish() override { return std::move(observed_); }

  void keep(const SeenApp& before) { observed_.apps[app_] = std::make_shared<SeenApp>(before); }

 private:
  static Error unreadable(Code code, const std::string& why) {
    return {code, "looking at MariaDB: " + why, ""};
  }

  const Keys& keys_;
  std::optional<SqlCall> call_;
  std::string app_;
  int rotation_;
  Observed observed_;
};

}  // namespace

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session) {
  return std::make_unique<SeenObserver>(keys, reading_call(keys, session, select_seen("")), "", 0);
}

std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session,
                                      const Scope& scope) {
  const auto* before = dynamic_cast<const SeenApp*>(scope.before);
  const DatabaseSpec* spec = spec_of(scope.wanted);
  const bool fresh = scope.listed && before;
  const bool ask = (spec || (before && before->has_ours())) && !fresh;
  auto observer = std::make_unique<SeenObserver>(
      keys,
      ask ? std::optional<SqlCall>(reading_call(keys, session, select_seen(scope.app)))
          : std::nullopt,
      scope.app, spec ? spec->rotation : 0);
  if (fresh) observer->keep(*before);
  return observer;
}

}  // namespace fairlead::mariadb
