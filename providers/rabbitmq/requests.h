#pragma once

#include <optional>
#include <string>

#include "providers/rabbitmq/seen.h"
#include "reconciler/json.h"
#include "reconciler/platform.h"

// The requests to the management API, as values. Each names its object in the path, so that a plan
// is complete before anything is sent.
namespace fairlead::rabbitmq {

// Who is asked, and as whom. The password never leaves it but in the login of a call.
class Server {
 public:
  // Before there is a session, and from then on.
  Server(const Keys& keys, const Place& place, const Platform& platform);
  Server(const Keys& keys, const Session& session);

  HttpCall get(std::string path) const;
  HttpCall list(std::string path) const;  // of everything: may take longer
  HttpCall call(std::string method, std::string path, const Json& body = Json()) const;
  const std::string& endpoint() const { return endpoint_; }
  // What a Session keeps of it: host, port (AMQP), management_port, managed, user, …
  const Json& facts() const { return facts_; }

 private:
  void read_facts(const Keys& keys);

  Json facts_;
  std::string endpoint_;  // "HOST:PORT" of the management API
  Login login_;
  std::optional<Tls> tls_;
};

inline constexpr char managed_user[] = "fairlead";
// The app that runs a managed server, and its alias in the networks of others.
inline constexpr char managed_app[] = "rabbitmq";
inline constexpr char vhost_columns[] = "?disable_stats=true&columns=name,description,tags";

std::string vhost_path(const std::string& vhost);
std::string user_path(const std::string& user);
std::string user_permissions_path(const std::string& user);
std::string vhost_limits_path(const std::string& vhost);
// Policies of ours are called so. An operator's one binds the app's own, and knows no "overflow".
inline constexpr char policy_name[] = "fairlead";
enum class PolicyKind { overflow, size };
std::string policies_path(PolicyKind kind);
std::string policy_path(PolicyKind kind, const std::string& vhost);
// Of all queues that no other policy is for: one that is full refuses what is published.
Json overflow_policy();
// Of all queues.
Json size_policy(std::int64_t queue_size);
// What a policy does and to which queues, in one text; equal for equal ones.
std::string policy_text(const Json& policy);

// The steps; causes and needs are the diff's.
class Requests {
 public:
  Requests(const Keys& keys, const Session& session);

  Step create_vhost(const std::string& app, const std::string& owner_mark) const;
  // Adds the owner tag again and keeps what else it says.
  Step mark_vhost(const std::string& app, const SeenVhost& seen) const;
  // Always whole: a request without a password's hash would blank it.
  Step put_user(const std::string& verb, const Account& account) const;
  Step grant(const std::string& verb, const Account& account) const;
  Step limit_connections(const std::string& app, int connections_max) const;
  Step limit_queues(const std::string& app, int queues_max) const;
  Step put_policy(PolicyKind kind, const std::string& app, const Json& policy) const;

  Step remove_vhost(const std::string& app) const;
  Step remove_user(const Account& account) const;
  Step remove_permission(const Account& account, const std::string& vhost) const;
  Step remove_user_limit(const Account& account) const;

 private:
  Step step(std::string verb, std::string resource, std::string method, std::string path,
            const Json& body = Json()) const;

  const Keys& keys_;
  Server server_;
};

}  // namespace fairlead::rabbitmq
