#include "providers/rabbitmq/observe.h"

#include <functional>
#include <set>
#include <utility>

#include "providers/rabbitmq/decode.h"
#include "providers/rabbitmq/requests.h"
#include "providers/rabbitmq/resolve.h"

namespace fairlead::rabbitmq {
namespace {

using Entries = std::function<void(const Json&)>;

Error unreadable(const HttpCall& call, const std::string& why) {
  return {Code::unavailable, "GET " + call.path.substr(0, call.path.find('?')) + ": " + why, ""};
}

// One round of calls, and for each what to do with the entries of its answer.
class Round : public Observer {
 public:
  std::vector<Call> next() override {
    if (std::exchange(given_, true)) return {};
    return {calls_.begin(), calls_.end()};
  }

  Result<void> take(std::size_t index, const Answer& answer) override {
    FAIRLEAD_CHECK(index < calls_.size());
    const HttpCall& call = calls_[index];
    if (answer.status == 404 && may_lack_[index]) return {};
    if (answer.status == 401) {
      return Error{Code::denied,
                   "RabbitMQ at " + call.endpoint + " refuses the user " + call.login->user + ": " +
                       decode_reason(answer),
                   ""};
    }
    if (answer.status != 200) return unreadable(call, decode_reason(answer));
    return read(call, answer.body, entries_[index]);
  }

 protected:
  void ask(HttpCall call, bool may_lack, Entries entries) {
    calls_.push_back(std::move(call));
    may_lack_.push_back(may_lack);
    entries_.push_back(std::move(entries));
  }

 private:
  // A list gives its entries one by one, a single object itself.
  static Result<void> read(const HttpCall& call, const std::string& body, const Entries& entries) {
    const bool list = body.find_first_not_of(" \r\n\t") == body.find('[');
    if (list) {
      const Result<void> done = Json::parse_items(body, entries);
      return done ? done : unreadable(call, done.error().message);
    }
    const Result<Json> object = Json::parse(body);
    if (!object) return unreadable(call, object.error().message);
    if (!object->is_object()) return unreadable(call, "neither an object nor a list");
    entries(*object);
    return {};
  }

  std::vector<HttpCall> calls_;
  std::vector<bool> may_lack_;    // of each call: 404 means that there is none
  std::vector<Entries> entries_;  // of each call
  bool given_ = false;
};

class AllObserver : public Round {
 public:
  AllObserver(const Keys& keys, const Session& session) : keys_(keys) {
    const Server server(keys, session);
    ask(server.list("/api/users"), false, [this](const Json& entry) {
      if (auto user = decode_user(keys_, entry)) users_.emplace(user->account.user(), *user);
    });
    ask(server.list(std::string("/api/vhosts") + vhost_columns), false, [this](const Json& entry) {
      const std::string& name = entry["name"].as_string();
      if (is_app_name(name)) vhosts_.emplace(name, decode_vhost(keys_, entry));
    });
    ask(server.list("/api/permissions"), false, [this](const Json& entry) {
      permissions_[entry["user"].as_string()].emplace(entry["vhost"].as_string(),
                                                      decode_permission(entry));
    });
    ask(server.list("/api/vhost-limits"), false, [this](const Json& entry) {
      limits_[entry["vhost"].as_string()] = decode_limits(entry["value"]);
    });
    for (const PolicyKind kind : {PolicyKind::overflow, PolicyKind::size}) {
      ask(server.list(policies_path(kind)), false, [this, kind](const Json& entry) {
        if (entry["name"].as_string() != policy_name) return;
        policies_[entry["vhost"].as_string()][kind] = decode_policy(entry);
      });
    }
  }

  Observed finish() override {
    for (auto& [name, user] : users_) {
      user.permissions = std::move(permissions_[name]);
      if (user.ours()) app(user.account.app);
    }
    for (auto& [name, vhost] : vhosts_) {
      vhost.limits = limits_[name];
      vhost.overflow_policy = policies_[name][PolicyKind::overflow];
      vhost.size_policy = policies_[name][PolicyKind::size];
      if (vhost.marked) app(name);
    }
    // What is foreign matters where its name is one of ours.
    for (auto& [name, user] : users_) {
      const auto held = apps_.find(user.account.app);
      if (held != apps_.end()) held->second->users.emplace(name, std::move(user));
    }
    for (auto& [name, vhost] : vhosts_) {
      const auto held = apps_.find(name);
      if (held != apps_.end()) held->second->vhost = std::move(vhost);
    }
    Observed observed;
    observed.apps.insert(apps_.begin(), apps_.end());
    return observed;
  }

 private:
  void app(const std::string& name) {
    auto& held = apps_[name];
    if (held) return;
    held = std::make_shared<SeenApp>();
    held->app = name;
  }

  const Keys& keys_;
  std::map<std::string, SeenUser> users_;    // name → user that an app could have
  std::map<std::string, SeenVhost> vhosts_;  // name → vhost that an app could have
  std::map<std::string, std::map<std::string, Permission>> permissions_;  // user → vhost → what
  std::map<std::string, Limits> limits_;                                  // vhost → its limits
  std::map<std::string, std::map<PolicyKind, std::string>> policies_;     // vhost → of our name
  std::map<std::string, std::shared_ptr<SeenApp>> apps_;                  // app → what was seen
};

const AccountSpec* wanted_spec(const Graph* graph) {
  if (!graph) return nullptr;
  for (const Resource& resource : graph->resources) {
    if (const auto* spec = dynamic_cast<const AccountSpec*>(resource.spec.get())) return spec;
  }
  return nullptr;
}

class AppObserver : public Round {
 public:
  AppObserver(const Keys& keys, const Session& session, const Scope& scope)
      : keys_(keys), server_(keys, session), seen_(std::make_shared<SeenApp>()) {
    const auto* before = dynamic_cast<const SeenApp*>(scope.before);
    const AccountSpec* spec = wanted_spec(scope.wanted);
    if (before) *seen_ = *before;
    seen_->app = scope.app;
    if (scope.listed && before) return;
    std::set<std::string> users;
    if (spec) users.insert(spec->account.user());
    for (const auto& [name, user] : seen_->users) {
      if (user.ours()) users.insert(name);
    }
    const bool concerned = !users.empty() || seen_->vhost_ours();
    seen_->users.clear();
    seen_->vhost.reset();
    if (!concerned) return;
    asked_ = true;
    ask_vhost();
    for (const std::string& name : users) ask_user(name);
  }

  Observed finish() override {
    if (seen_->vhost && asked_) {
      seen_->vhost->limits = limits_;
      seen_->vhost->overflow_policy = policies_[PolicyKind::overflow];
      seen_->vhost->size_policy = policies_[PolicyKind::size];
    }
    for (auto& [name, user] : seen_->users) {
      const auto held = permissions_.find(name);
      if (held != permissions_.end()) user.permissions = std::move(held->second);
    }
    Observed observed;
    if (seen_->vhost || !seen_->users.empty()) observed.apps[seen_->app] = seen_;
    return observed;
  }

 private:
  void ask_vhost() {
    ask(server_.get(vhost_path(seen_->app) + vhost_columns), true,
        [this](const Json& entry) { seen_->vhost = decode_vhost(keys_, entry); });
    ask(server_.get(vhost_limits_path(seen_->app)), true,
        [this](const Json& entry) { limits_ = decode_limits(entry["value"]); });
    for (const PolicyKind kind : {PolicyKind::overflow, PolicyKind::size}) {
      ask(server_.get(policy_path(kind, seen_->app)), true,
          [this, kind](const Json& entry) { policies_[kind] = decode_policy(entry); });
    }
  }

  void ask_user(const std::string& name) {
    ask(server_.get(user_path(name)), true, [this, name](const Json& entry) {
      auto user = decode_user(keys_, entry);
      if (user && user->account.user() == name) seen_->users[name] = std::move(*user);
    });
    ask(server_.get(user_permissions_path(name)), true, [this, name](const Json& entry) {
      permissions_[name].emplace(entry["vhost"].as_string(), decode_permission(entry));
    });
  }

  const Keys& keys_;
  Server server_;
  std::shared_ptr<SeenApp> seen_;
  bool asked_ = false;  // else what was listed is what is
  Limits limits_;
  std::map<PolicyKind, std::string> policies_;  // of our name; absent: there is none
  std::map<std::string, std::map<std::string, Permission>> permissions_;  // user → vhost → what
};

}  // namespace

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session) {
  return std::make_unique<AllObserver>(keys, session);
}

std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session,
                                      const Scope& scope) {
  return std::make_unique<AppObserver>(keys, session, scope);
}

}  // namespace fairlead::rabbitmq
