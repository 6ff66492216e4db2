#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "providers/provider.h"
#include "reconciler/graph.h"

// App → graph of wanted resources: each provider adds its own. Pure.
namespace fairlead {

using Providers = std::vector<std::unique_ptr<Provider>>;

// What an app is resolved in, beside its manifest.
struct Surroundings {
  const Platform& platform;
  const std::map<std::string, Secret>& secrets;  // as FolderReading has them; so the next
  const std::map<std::string, Secret>& certificates;
  const std::map<std::string, std::string>& lost_hosts;  // of the app → why
  std::function<bool(const std::string& app)> has_app;   // whether there is such a manifest
  std::optional<Scheme> scheme{};                        // of the app, as ResolveInput has it
  const std::map<std::string, ServedCertificate>* served = nullptr;  // likewise
  std::string image_id{};                                            // as ResolveInput has them
  bool says_image_id = false;
  const std::map<std::string, std::string>* lost_ports = nullptr;  // of the app → whose; null: none
};

// Providers come in the order in which they give things to each other: accounts before the
// containers that use them. What a provider offers counts only where its system is: outside, or in
// an app that there is. Errors: invalid, with the place in the manifest.
Result<std::shared_ptr<const Graph>> resolve(const Providers& providers,
                                             const std::shared_ptr<const App>& app,
                                             const Surroundings& around);

// What resolve() would refuse of the app wherever all is there that its manifest does not show: the
// files it names, the roots of its mounts, the apps that run services. What the image's own
// manifest adds is not known here. Nothing: it can be resolved.
std::optional<Error> refused_anywhere(const Providers& providers, const App& app,
                                      const Platform& platform);

}  // namespace fairlead
