#include "providers/rabbitmq/rabbitmq.h"

#include <cstdio>

#include "providers/listing.h"
#include "providers/rabbitmq/decode.h"
#include "providers/rabbitmq/diff.h"
#include "providers/rabbitmq/judge.h"
#include "providers/rabbitmq/observe.h"
#include "providers/rabbitmq/policy.h"
#include "providers/rabbitmq/requests.h"
#include "providers/rabbitmq/resolve.h"
#include "reconciler/url.h"

namespace fairlead::rabbitmq {
namespace {

bool is_supported(const std::string& version) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(version.c_str(), "%5d.%5d", &major, &minor) != 2) return false;
  return major > 3 || (major == 3 && minor >= 8);
}

bool is_administrator(const Json& tags) {
  for (const Json& tag : tags.items()) {
    if (tag.as_string() == "administrator") return true;
  }
  return ("," + tags.as_string() + ",").find(",administrator,") != std::string::npos;
}

Error refused(const Server& server, const std::string& reason, const std::string& advice) {
  const bool managed = server.facts()["managed"].as_bool();
  const std::string user = managed ? managed_user : server.facts()["user"].as_string();
  return {Code::denied,
          "RabbitMQ at " + server.endpoint() + " refuses the user " + user + ": " + reason + "; " +
              (advice.empty() ? login_advice(managed, user) : advice),
          ""};
}

Error unreachable(const Server& server, const std::string& reason) {
  return {Code::unavailable,
          "the management API of RabbitMQ at " + server.endpoint() + " does not answer: " + reason,
          ""};
}

// What is wrong with an answer of the handshake; nothing: it is as it should be.
std::optional<Error> trouble(const Server& server, const Answer& answer) {
  if (answer.ok()) return std::nullopt;
  const std::string reason = decode_reason(answer);
  const bool rights = reason.find("Not management user") != reason.npos;
  if (answer.status == 401) {
    return refused(server, reason, rights ? "give it the tag administrator" : "");
  }
  if (answer.status == 404) {
    return unreachable(server,
                       reason + "; is that its management port, and not another service's?");
  }
  return unreachable(server, reason);
}

// What a listing shows of each object of ours, as far as anything depends on it.
Listing listing(const Section* section) {
  Listing lines;
  const auto* seen = dynamic_cast<const SeenApp*>(section);
  if (!seen) return lines;
  const auto limit = [](const std::optional<std::int64_t>& most, const char* what) {
    return most ? ", at most " + std::to_string(*most) + " " + what : "";
  };
  const auto policy = [](const std::string& text) {
    return text.empty() ? "" : ", policy " + text;
  };
  if (seen->vhost_ours()) {
    const SeenVhost& vhost = *seen->vhost;
    lines["vhost " + seen->app] = (vhost.marked ? "ours" : "without our tag") +
                                  limit(vhost.limits.connections_max, "connections") +
                                  limit(vhost.limits.queues_max, "queues") +
                                  policy(vhost.overflow_policy) + policy(vhost.size_policy);
  }
  for (const auto& [name, user] : seen->users) {
    if (!user.ours()) continue;
    std::string text = user.password_ours ? "our password" : "another password";
    for (const std::string& tag : user.tags) text += ", " + tag;
    for (const auto& [vhost, permission] : user.permissions) {
      text += ", on " + vhost + " \"" + permission.configure + "\" \"" + permission.write +
              "\" \"" + permission.read + "\"";
    }
    lines["user " + name] = text + limit(user.connections_max, "connections");
  }
  return lines;
}

class RabbitMq : public Provider {
 public:
  explicit RabbitMq(const Keys& keys) : keys_(keys) {}

  std::string_view name() const override { return "rabbitmq"; }
  std::set<std::string> offers() const override { return {"messagebus"}; }
  std::string hosted_by(const Platform& platform) const override {
    return platform.messagebus.external ? "" : managed_app;
  }
  Result<void> resolve(const ResolveInput& input, Graph& graph) const override {
    return resolve_app(keys_, input, graph);
  }

  Place place(const Platform& platform) const override {
    Place place;
    place.host = platform.messagebus.host;
    return place;
  }

  std::optional<Call> handshake(const Place& place, const Platform& platform,
                                const std::vector<Answer>& so_far) const override {
    const Server server(keys_, place, platform);
    if (so_far.empty()) return server.get("/api/whoami");
    if (so_far.size() > 1 || !so_far.front().ok()) return std::nullopt;
    return server.list("/api/overview?disable_stats=true&columns=rabbitmq_version");
  }

  Result<Session> negotiate(const Place& place, const Platform& platform,
                            const std::vector<Answer>& answers) const override {
    const Server server(keys_, place, platform);
    for (const Answer& answer : answers) {
      if (auto found = trouble(server, answer)) return *found;
    }
    const Result<Json> whoami = Json::parse(answers.at(0).body);
    const Result<Json> overview = Json::parse(answers.at(1).body);
    if (!whoami || !overview) return unreachable(server, "what came is not JSON");
    if (!is_administrator((*whoami)["tags"])) {
      return refused(server, "it is no administrator", "give it the tag administrator");
    }
    const std::string& version = (*overview)["rabbitmq_version"].as_string();
    if (!is_supported(version)) {
      return Error{Code::unavailable,
                   "RabbitMQ at " + server.endpoint() + " says version \"" + version +
                       "\"; fairlead needs 3.8 or newer: upgrade it",
                   ""};
    }
    Session session;
    session.facts = server.facts();
    session.facts.set("version", version);
    session.description = "RabbitMQ " + version + " at " + host_in_url(place.host) + ":" +
                          std::to_string(platform.messagebus.port);
    return session;
  }

  std::optional<HttpCall> subscription(const Session&) const override { return std::nullopt; }
  Hint decode_event(std::string_view) const override { return {}; }

  std::unique_ptr<Observer> observe(const Session& session, const Scope& scope) const override {
    return scope.app.empty() ? observe_all(keys_, session) : observe_app(keys_, session, scope);
  }

  std::vector<std::string> changes(const Section* before, const Section* after) const override {
    return differences(listing(before), listing(after), Shown::whole);
  }

  void diff(const View& view, Plan& plan, Report& report) const override {
    diff_app(keys_, view, plan, report);
  }
  std::vector<Probe> probes(const View&) const override { return {}; }
  std::vector<std::string> objects(const Section*) const override { return {}; }

  std::vector<std::string> data(const Section* section) const override {
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen || !seen->vhost || !seen->vhost->marked) return {};
    return {"vhost " + seen->app};
  }
  bool anything(const Section* section) const override {
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    return seen && seen->user_of_ours();
  }

  Result<void> policy(const Call& call, const Platform& platform, const Tenant*) const override {
    return check_policy(call, platform);
  }
  Outcome judge(const Step& step, const Answer& answer) const override {
    return judge_step(step, answer);
  }

 private:
  const Keys& keys_;
};

}  // namespace

std::unique_ptr<Provider> make_provider(const Keys& keys) {
  return std::make_unique<RabbitMq>(keys);
}

}  // namespace fairlead::rabbitmq
