#include "reconciler/resolve.h"

#include <algorithm>

namespace fairlead {
namespace {

using HasApp = std::function<bool(const std::string&)>;

std::vector<std::string> unmet_needs(const Providers& providers, const Needs& needs,
                                     const Platform& platform, const HasApp& has_app) {
  const auto offered = [&](const std::string& need) {
    return std::any_of(providers.begin(), providers.end(), [&](const auto& provider) {
      const std::string host = provider->hosted_by(platform);
      return provider->offers().count(need) > 0 && (host.empty() || has_app(host));
    });
  };
  std::vector<std::string> unmet;
  if (needs.database && !offered("database")) unmet.emplace_back("database");
  if (needs.messagebus && !offered("messagebus")) unmet.emplace_back("messagebus");
  if (needs.storage && !offered("storage")) unmet.emplace_back("storage");
  return unmet;
}

}  // namespace

Result<std::shared_ptr<const Graph>> resolve(const Providers& providers,
                                             const std::shared_ptr<const App>& app,
                                             const Surroundings& around) {
  auto graph = std::make_shared<Graph>();
  graph->app = app;
  graph->unmet = unmet_needs(providers, app->needs, around.platform, around.has_app);
  ResolveInput input{
      app.get(), &around.platform, &around.secrets, &around.certificates, around.lost_hosts, false};
  for (const auto& provider : providers) {
    const std::string host = provider->hosted_by(around.platform);
    input.hosted = host.empty() || around.has_app(host);
    const std::size_t before = graph->resources.size();
    if (Result<void> done = provider->resolve(input, *graph); !done) return done.error();
    for (std::size_t i = before; i < graph->resources.size(); ++i) {
      graph->resources[i].provider = provider->name();
    }
  }
  return std::shared_ptr<const Graph>(std::move(graph));
}

}  // namespace fairlead
