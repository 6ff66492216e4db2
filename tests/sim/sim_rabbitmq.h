#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/world.h"
#include "tests/sim/wire.h"

// A RabbitMQ server as its management API shows it: the requests of providers/rabbitmq with the
// statuses and the traps of 3.10. A PUT of a user without a password's hash blanks it, a vhost
// takes its permissions and limits with it. Its data belongs to a volume and outlives the
// containers that serve it. Owned by SimServices or a test; one thread. What it does not know is
// 404, a login that is no administrator's 401.
namespace fairlead::sim {

class SimRabbitMq {
 public:
  struct Vhost {
    std::string description;
    std::vector<std::string> tags;
    std::map<std::string, int> limits;  // "max-connections"
    // "policies" and "operator-policies" → name → what was put.
    std::map<std::string, std::map<std::string, Json>> policies;
  };
  struct User {
    std::string password_hash;  // empty: no password opens it
    std::string algorithm;
    std::vector<std::string> tags;
    std::map<std::string, int> limits;
  };
  struct Permission {
    std::string configure, write, read;
  };
  using Holder = std::pair<std::string, std::string>;  // vhost, user

  SimRabbitMq(const std::string& admin, const std::string& password);

  Answer ask(const HttpCall& call);
  // The same as somebody who is an administrator already, and that as words.
  Answer execute(const HttpCall& call);
  Answer execute(const std::string& method, const std::string& path, const Json& body = {});

  // What an administrator does by hand with rabbitmqctl.
  void set_password(const std::string& user, const std::string& password);

  bool lets_in(const std::string& user, const std::string& password) const;
  bool may_use(const std::string& user, const std::string& vhost) const;
  const std::map<std::string, Vhost>& vhosts() const { return vhosts_; }
  const std::map<std::string, User>& users() const { return users_; }
  const std::map<Holder, Permission>& permissions() const { return permissions_; }
  // As text that is equal for equal servers.
  std::string text() const;

 private:
  Answer read(const Target& target) const;
  Answer write(const Target& target, const std::string& body);
  Answer put_vhost(const std::string& name, const Json& body);
  Answer put_user(const std::string& name, const Json& body);
  Answer put_permission(const Holder& holder, const Json& body);
  Answer put_limit(const Target& target, const Json& body);
  Answer put_policy(const Target& target, const Json& body);
  Answer read_policies(const Target& target) const;
  Answer remove(const Target& target);
  Answer remove_limit(const Target& target);
  Json vhost_json(const std::string& name) const;
  Json user_json(const std::string& name) const;
  Json permissions_json(const std::string& user) const;  // empty: of all
  Json limits_json(const std::string& vhost) const;      // empty: of all that have any
  // The limits of what the path names; null: there is no such thing.
  std::map<std::string, int>* limits_of(const Target& target);

  std::map<std::string, Vhost> vhosts_;
  std::map<std::string, User> users_;
  std::map<Holder, Permission> permissions_;
};

}  // namespace fairlead::sim
