#include "providers/rabbitmq/diff.h"

#include <chrono>
#include <utility>

#include "providers/rabbitmq/requests.h"
#include "providers/rabbitmq/resolve.h"

namespace fairlead::rabbitmq {
namespace {

using Needs = std::vector<std::size_t>;

constexpr std::chrono::seconds conflict_interval{30};  // no event tells that it is solved

const SeenApp& seen_of(const View& view) {
  static const SeenApp nothing;
  const auto* seen = dynamic_cast<const SeenApp*>(view.seen);
  return seen ? *seen : nothing;
}

const AccountSpec* wanted_of(const View& view) {
  if (!view.wanted) return nullptr;
  for (const Resource& resource : view.wanted->resources) {
    if (const auto* spec = dynamic_cast<const AccountSpec*>(resource.spec.get())) return spec;
  }
  return nullptr;
}

void add_cause(std::string& causes, const std::string& cause) {
  causes += (causes.empty() ? "" : "; ") + cause;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

// Why a permission is not ".*" throughout; empty: it is.
std::string trouble_of(const Permission& seen) {
  std::string causes;
  const auto compare = [&](const char* field, const std::string& value) {
    if (value != ".*") {
      add_cause(causes, std::string(field) + " changed to \"" + value + "\" by hand");
    }
  };
  compare("configure", seen.configure);
  compare("write", seen.write);
  compare("read", seen.read);
  return causes;
}

class AppDiff {
 public:
  AppDiff(const Keys& keys, const View& view, Plan& plan, Report& report)
      : keys_(keys),
        view_(view),
        seen_(seen_of(view)),
        spec_(wanted_of(view)),
        requests_(keys, *view.session),
        plan_(plan),
        report_(report) {}

  void run() {
    if (!spec_) return view_.wanted ? need_gone() : app_gone();
    if (conflicts()) return;
    vhost();
    for (const auto& [name, user] : seen_.users) {
      const bool wanted = user.account == spec_->account;
      if (wanted || (user.ours() && !stale(user))) keep(user);
    }
    if (!wanted_user()) create_user();
    limit();
    for (const auto& [name, user] : seen_.users) {
      if (user.ours() && stale(user)) replaced(user);
    }
  }

 private:
  const std::string& app() const { return view_.app; }

  const SeenUser* wanted_user() const {
    const auto found = seen_.users.find(spec_->account.user());
    return found == seen_.users.end() ? nullptr : &found->second;
  }

  // Nothing that runs knows its password any more.
  bool stale(const SeenUser& user) const {
    return user.account != spec_->account && view_.standing.settled;
  }

  std::size_t add(Step step, std::string cause, Needs needs = {}) {
    step.cause = std::move(cause);
    step.needs = std::move(needs);
    const std::size_t index = plan_.add(std::move(step));
    added_.push_back(index);
    return index;
  }

  // Of what must be in place before.
  static Needs after(const std::optional<std::size_t>& first,
                     const std::optional<std::size_t>& second = {}) {
    Needs needs;
    if (first) needs.push_back(*first);
    if (second) needs.push_back(*second);
    return needs;
  }

  void tell(std::string kind, std::string name, std::string state, std::string cause = "") {
    report_.resources.push_back(
        {std::move(kind), std::move(name), std::move(state), std::move(cause)});
  }

  // Other providers' steps come after the wait, so that nothing new starts with a login that would
  // be refused.
  void conflict(const std::string& resource, const std::string& message) {
    report_.conflicts.push_back({resource, message});
    report_.worsen(HealthState::degraded, "Conflict", resource + ": " + message);
    report_.out_of_sync("Conflict", message);
    report_.due(view_.now.steady + conflict_interval);
    Step wait;
    wait.verb = "wait";
    wait.resource = resource;
    add(std::move(wait), message);
  }

  bool conflicts() {
    if (seen_.vhost && !seen_.vhost_ours()) {
      conflict("vhost " + app(),
               "a vhost of this name exists on the RabbitMQ server and is not fairlead's; delete "
               "it, or give the app another name (or give it to the app: add the tag " +
                   owner_tag(keys_, "vhost", app()) + " to it)");
    }
    const Ownership& ownership = view_.wanted->ownership;
    if (seen_.vhost && ownership.forbids(seen_.vhost->owner)) {
      report_.owned_by = seen_.vhost->owner;
      conflict("vhost " + app(), forbidden_text(app(), ownership, seen_.vhost->owner));
    }
    const SeenUser* user = wanted_user();
    if (user && !seen_.user_is_the_apps(*user)) {
      conflict("user " + user->account.user(),
               "a user of this name exists on the RabbitMQ server and is not fairlead's; delete "
               "it, or give the app another name");
    }
    return !added_.empty();
  }

  void vhost() {
    if (!seen_.vhost) {
      const std::string cause = seen_.user_of_ours()
                                    ? "it is gone, and its queues with it"
                                    : "the app needs messagebus (" + spec_->where + ")";
      vhost_ = add(requests_.create_vhost(app(), owner_mark(view_.wanted->ownership.owner)), cause);
    } else if (!seen_.vhost->marked) {
      vhost_ = add(requests_.mark_vhost(app(), *seen_.vhost), "its owner tag was removed by hand");
    }
    tell("vhost", app(), seen_.vhost ? "there" : "missing");
  }

  void create_user() {
    const Account& account = spec_->account;
    const bool first = account.rotation == 1;
    const std::string cause = first ? "there is none"
                                    : "there is none for rotation " +
                                          std::to_string(account.rotation) + " (" + spec_->where +
                                          ")";
    const std::size_t user = add(requests_.put_user("create", account), cause);
    add(requests_.grant("create", account), "it has none", after(vhost_, user));
    tell("user", account.user(), "missing");
  }

  // A user that is there is as it was made, and may enter its own vhost only.
  void keep(const SeenUser& user) {
    const Account& account = user.account;
    const bool wanted = account == spec_->account;
    std::optional<std::size_t> mended;
    const std::string causes = trouble_of_user(user);
    if (!causes.empty()) mended = add(requests_.put_user("update", account), causes);
    own_permission(user, mended);
    for (const auto& [vhost, permission] : user.permissions) {
      if (vhost == app()) continue;
      add(requests_.remove_permission(account, vhost), "given by hand; it may enter its own only");
    }
    if (user.connections_max) {
      add(requests_.remove_user_limit(account),
          "connections limited to " + std::to_string(*user.connections_max) + " by hand");
    }
    tell("user", account.user(), "there",
         wanted ? "" : "kept until no container of its rotation is left");
  }

  std::string trouble_of_user(const SeenUser& user) const {
    std::string causes;
    if (!user.password_ours) add_cause(causes, "its password was changed by hand");
    const std::vector<std::string> tags = {owner_tag(keys_, "user", user.account.user())};
    if (user.tags == tags) return causes;
    std::vector<std::string> given;
    for (const std::string& tag : user.tags) {
      if (tag != tags.front()) given.push_back(tag);
    }
    if (!given.empty()) add_cause(causes, "the tags " + join(given) + " were given by hand");
    if (!user.marked) add_cause(causes, "its owner tag was removed by hand");
    if (causes.empty()) add_cause(causes, "its owner tag stands there twice");
    return causes;
  }

  void own_permission(const SeenUser& user, const std::optional<std::size_t>& mended) {
    const Account& account = user.account;
    const auto held = user.permissions.find(app());
    if (held == user.permissions.end()) {
      add(requests_.grant("create", account), "it has none", after(vhost_, mended));
      return;
    }
    // A vhost that is made anew has none, whatever was listed before it went.
    const std::string causes =
        vhost_ && !seen_.vhost ? "its vhost is new" : trouble_of(held->second);
    if (!causes.empty()) add(requests_.grant("update", account), causes, after(vhost_, mended));
  }

  void limit() {
    const SeenVhost nothing;
    const SeenVhost& seen = seen_.vhost ? *seen_.vhost : nothing;
    if (seen.limits.connections_max != spec_->connections_max) {
      add(requests_.limit_connections(app(), spec_->connections_max),
          change("connections_max", seen.limits.connections_max, spec_->connections_max),
          after(vhost_));
    }
    if (seen.limits.queues_max != spec_->queues_max) {
      add(requests_.limit_queues(app(), spec_->queues_max),
          change("queues_max", seen.limits.queues_max, spec_->queues_max), after(vhost_));
    }
    policies(seen);
  }

  std::string change(const std::string& word, const std::optional<std::int64_t>& seen,
                     std::int64_t wanted) const {
    return word + " " + (seen ? std::to_string(*seen) : "none") + " → " + std::to_string(wanted) +
           " (" + spec_->where + ")";
  }

  // What a queue holds already it keeps only where it refuses what is new; so that comes first.
  void policies(const SeenVhost& seen) {
    const Json overflow = overflow_policy();
    const Json size = size_policy(spec_->queue_size);
    std::optional<std::size_t> refuses;
    if (seen.overflow_policy != policy_text(overflow)) {
      refuses = add(requests_.put_policy(PolicyKind::overflow, app(), overflow),
                    "a queue that is full keeps what it has", after(vhost_));
    }
    if (seen.size_policy == policy_text(size)) return;
    add(requests_.put_policy(PolicyKind::size, app(), size),
        "queue_size is " + std::to_string(spec_->queue_size) + " bytes (" + spec_->where + ")",
        after(vhost_, refuses));
  }

  void replaced(const SeenUser& user) {
    add(requests_.remove_user(user.account),
        "replaced by " + spec_->account.user() + ", which all containers use", added_first());
  }

  // The steps for what takes the place of what goes.
  Needs added_first() const {
    Needs needs;
    for (const std::size_t index : added_) {
      if (plan_.steps()[index].verb != "remove") needs.push_back(index);
    }
    return needs;
  }

  void need_gone() {
    if (view_.standing.settled) {
      remove_users("the app no longer needs messagebus");
    } else {
      for (const auto& [name, user] : seen_.users) {
        if (user.ours()) tell("user", name, "there", "kept until no container uses it");
      }
    }
    if (seen_.vhost && seen_.vhost->marked) {
      tell("vhost", app(), "kept", "the app no longer needs messagebus; its queues stay");
    }
  }

  void app_gone() {
    if (view_.standing.running) return;
    const Needs users = remove_users("the manifest is gone");
    if (view_.drop_data && seen_.vhost && seen_.vhost->marked) {
      add(requests_.remove_vhost(app()), "reclaim: delete", users);
    }
  }

  Needs remove_users(const std::string& cause) {
    Needs steps;
    for (const auto& [name, user] : seen_.users) {
      if (user.ours()) steps.push_back(add(requests_.remove_user(user.account), cause));
    }
    return steps;
  }

  const Keys& keys_;
  const View& view_;
  const SeenApp& seen_;
  const AccountSpec* spec_;  // null: the app needs none
  Requests requests_;
  Plan& plan_;
  Report& report_;
  Needs added_;                       // all that was added here
  std::optional<std::size_t> vhost_;  // the step that makes or mends it
};

}  // namespace

void diff_app(const Keys& keys, const View& view, Plan& plan, Report& report) {
  AppDiff(keys, view, plan, report).run();
}

}  // namespace fairlead::rabbitmq
