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

// Never fails. An app that needs none is left as it is.
void resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph);

}  // namespace fairlead::rabbitmq
