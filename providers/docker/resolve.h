#pragma once

#include "providers/docker/specs.h"
#include "providers/provider.h"

// App → what is wanted of the engine: one network, one volume where storage is needed, the
// containers of each process. Pure.
namespace fairlead::docker {

// Adds the resources to `graph`, whose env already holds what other providers give. Errors:
// invalid, for a secret file that is not there and for a mount outside the roots that the platform
// file allows.
Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph);

// The containers among the wanted resources, in their order. Shared, since an observer may outlive
// the graph.
std::vector<std::shared_ptr<const ContainerSpec>> container_specs(const Graph& graph);

// Sorted-key JSON of digests, hashed under the key: the same for equal fields whatever their order.
std::string fingerprint_of(const Keys& keys, const std::map<std::string, std::string>& values);

}  // namespace fairlead::docker
