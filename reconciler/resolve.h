#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "providers/provider.h"
#include "reconciler/graph.h"

// App → graph of wanted resources: each provider adds its own. Pure.
namespace fairlead {

using Providers = std::vector<std::unique_ptr<Provider>>;

// Providers come in the order in which they give things to each other: accounts before the
// containers that use them. Errors: invalid, with the place in the manifest.
Result<std::shared_ptr<const Graph>> resolve(const Providers& providers,
                                             const std::shared_ptr<const App>& app,
                                             const Platform& platform,
                                             const std::map<std::string, Secret>& secrets);

}  // namespace fairlead
