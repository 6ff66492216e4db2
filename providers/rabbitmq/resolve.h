#pragma once

#include "providers/provider.h"
#include "providers/rabbitmq/accounts.h"

// An app that needs a message bus → one resource, and what its containers are told.
namespace fairlead::rabbitmq {

struct AccountSpec : Spec {
  Account account;
  std::optional<int> connections_max;
  std::string where;  // "blog.yml:4"
};

// An app that needs none is left as it is. Errors: invalid (a name that the management API keeps
// for itself).
Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph);

}  // namespace fairlead::rabbitmq
