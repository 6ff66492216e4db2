#pragma once

#include "providers/provider.h"
#include "providers/rabbitmq/accounts.h"

// An app that needs a message bus → one resource, and what its containers are told.
namespace fairlead::rabbitmq {

struct AccountSpec : Spec {
  Account account;
  // What the manifest says, or the default: no app takes all that the server has.
  int connections_max = 100;
  int queues_max = 1000;
  std::int64_t queue_size = std::int64_t{256} << 20;  // bytes
  std::string where;                                  // "blog.yml:4"
};

// An app that needs none is left as it is. Errors: invalid (a name that the management API keeps
// for itself).
Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph);

}  // namespace fairlead::rabbitmq
