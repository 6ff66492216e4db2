#pragma once

#include "providers/provider.h"

// What an app that needs a database is to have: the resource, and what its containers are told.
// Pure.
namespace fairlead::mariadb {

struct DatabaseSpec : Spec {
  int rotation = 1;
  int connections_max = 50;  // what the manifest says, or this
};

Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph);
// Null where the app needs none.
const DatabaseSpec* spec_of(const Graph* graph);

}  // namespace fairlead::mariadb
