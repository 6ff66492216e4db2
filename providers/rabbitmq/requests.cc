#include "providers/rabbitmq/requests.h"

#include <chrono>

#include "reconciler/url.h"

namespace fairlead::rabbitmq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds list_timeout = seconds(15);
// A vhost starts processes of its own when it is made, and takes its queues with it when it goes.
constexpr milliseconds write_timeout = seconds(30);

std::string limit_path(const char* kind, const std::string& name,
                       const char* limit = "max-connections") {
  return std::string("/api/") + kind + "/" + percent_encode(name) + "/" + limit;
}

Json policy_of(Json definition, int priority) {
  return Json::object({{"pattern", ".*"},
                       {"definition", std::move(definition)},
                       {"apply-to", "queues"},
                       {"priority", priority}});
}

}  // namespace

Server::Server(const Keys& keys, const Place& place, const Platform& platform) {
  const Platform::Service& service = platform.messagebus;
  facts_ = Json::object({{"host", place.host},
                         {"port", service.port},
                         {"management_port", service.management_port},
                         {"managed", !service.external}});
  if (service.external) {
    facts_.set("user", service.user);
    facts_.set("password_file", service.password_file);
    facts_.set("tls", service.tls);
    facts_.set("ca_file", service.ca_file);
  }
  read_facts(keys);
}

Server::Server(const Keys& keys, const Session& session) : facts_(session.facts) {
  read_facts(keys);
}

void Server::read_facts(const Keys& keys) {
  endpoint_ = host_in_url(facts_["host"].as_string()) + ":" +
              std::to_string(facts_["management_port"].as_int());
  if (facts_["managed"].as_bool()) {
    constexpr std::size_t generated = 32;  // as the manifest of the app says
    login_ = {managed_user, keys.derive("secret/rabbitmq/RABBITMQ_DEFAULT_PASS", generated), ""};
    return;
  }
  login_ = {facts_["user"].as_string(), Secret(), facts_["password_file"].as_string()};
  if (facts_["tls"].as_bool()) tls_ = Tls{facts_["ca_file"].as_string()};
}

HttpCall Server::call(std::string method, std::string path, const Json& body) const {
  HttpCall call;
  call.endpoint = endpoint_;
  call.method = std::move(method);
  call.path = std::move(path);
  if (!body.is_null()) call.body = body.dump();
  call.login = login_;
  call.tls = tls_;
  if (call.writes()) call.timeout = write_timeout;
  return call;
}

HttpCall Server::get(std::string path) const { return call("GET", std::move(path)); }

HttpCall Server::list(std::string path) const {
  HttpCall call = get(std::move(path));
  call.timeout = list_timeout;
  return call;
}

std::string vhost_path(const std::string& vhost) { return "/api/vhosts/" + percent_encode(vhost); }
std::string user_path(const std::string& user) { return "/api/users/" + percent_encode(user); }
std::string user_permissions_path(const std::string& user) {
  return user_path(user) + "/permissions";
}
std::string vhost_limits_path(const std::string& vhost) {
  return "/api/vhost-limits/" + percent_encode(vhost);
}

std::string policies_path(PolicyKind kind) {
  return kind == PolicyKind::size ? "/api/operator-policies" : "/api/policies";
}
std::string policy_path(PolicyKind kind, const std::string& vhost) {
  return policies_path(kind) + "/" + percent_encode(vhost) + "/" + policy_name;
}

// One policy applies to a queue, the one of the highest priority: any other goes before.
Json overflow_policy() { return policy_of(Json::object({{"overflow", "reject-publish"}}), -100); }
Json size_policy(std::int64_t queue_size) {
  return policy_of(Json::object({{"max-length-bytes", queue_size}}), 0);
}

std::string policy_text(const Json& policy) {
  std::string text = policy["pattern"].as_string() + " " + policy["apply-to"].as_string() + " " +
                     std::to_string(policy["priority"].as_int());
  for (const auto& [key, value] : policy["definition"].members()) {
    text += " " + key + "=" + value.dump();
  }
  return text;
}

Requests::Requests(const Keys& keys, const Session& session)
    : keys_(keys), server_(keys, session) {}

Step Requests::step(std::string verb, std::string resource, std::string method, std::string path,
                    const Json& body) const {
  Step made;
  made.verb = std::move(verb);
  made.resource = std::move(resource);
  made.request = server_.call(std::move(method), std::move(path), body);
  return made;
}

Step Requests::create_vhost(const std::string& app, const std::string& owner_mark) const {
  const Json body = Json::object(
      {{"description", "made by fairlead for the app " + app},
       {"tags", owner_tag(keys_, "vhost", app) + "," + folder_tag(keys_, app, owner_mark)}});
  return step("create", "vhost " + app, "PUT", vhost_path(app), body);
}

Step Requests::mark_vhost(const std::string& app, const SeenVhost& seen) const {
  // What a request leaves out of it the server clears.
  std::string tags = owner_tag(keys_, "vhost", app);
  for (const std::string& tag : seen.tags) tags += "," + tag;
  const Json body = Json::object({{"description", seen.description}, {"tags", tags}});
  return step("update", "vhost " + app, "PUT", vhost_path(app), body);
}

Step Requests::put_user(const std::string& verb, const Account& account) const {
  const Json body = Json::object({{"password_hash", password_hash_of(keys_, account)},
                                  {"hashing_algorithm", hashing_algorithm},
                                  {"tags", owner_tag(keys_, "user", account.user())}});
  return step(verb, "user " + account.user(), "PUT", user_path(account.user()), body);
}

Step Requests::grant(const std::string& verb, const Account& account) const {
  const Json body = Json::object({{"configure", ".*"}, {"write", ".*"}, {"read", ".*"}});
  return step(
      verb, "permission of " + account.user() + " on " + account.app, "PUT",
      "/api/permissions/" + percent_encode(account.app) + "/" + percent_encode(account.user()),
      body);
}

Step Requests::limit_connections(const std::string& app, int connections_max) const {
  return step("update", "limit of vhost " + app, "PUT", limit_path("vhost-limits", app),
              Json::object({{"value", connections_max}}));
}

Step Requests::limit_queues(const std::string& app, int queues_max) const {
  return step("update", "queues of vhost " + app, "PUT",
              limit_path("vhost-limits", app, "max-queues"), Json::object({{"value", queues_max}}));
}

Step Requests::put_policy(PolicyKind kind, const std::string& app, const Json& policy) const {
  const std::string what = kind == PolicyKind::size ? "queue size" : "full queues";
  return step("update", what + " of vhost " + app, "PUT", policy_path(kind, app), policy);
}

Step Requests::remove_vhost(const std::string& app) const {
  return step("remove", "vhost " + app, "DELETE", vhost_path(app));
}

Step Requests::remove_user(const Account& account) const {
  return step("remove", "user " + account.user(), "DELETE", user_path(account.user()));
}

Step Requests::remove_permission(const Account& account, const std::string& vhost) const {
  return step("remove", "permission of " + account.user() + " on " + vhost, "DELETE",
              "/api/permissions/" + percent_encode(vhost) + "/" + percent_encode(account.user()));
}

Step Requests::remove_user_limit(const Account& account) const {
  return step("remove", "limit of user " + account.user(), "DELETE",
              limit_path("user-limits", account.user()));
}

}  // namespace fairlead::rabbitmq
