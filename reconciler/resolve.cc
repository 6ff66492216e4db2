#include "reconciler/resolve.h"

#include <algorithm>

#include "reconciler/ports.h"

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

// The edge's own app has the ports that the platform file says.
std::string refused_of(const Providers& providers, const App& app, const Surroundings& around) {
  bool edge = false;
  for (const auto& provider : providers) {
    const std::string host = provider->hosted_by(around.platform);
    if (!provider->stands_alone() || host.empty()) continue;
    if (app.name == host) return "";
    edge = edge || around.has_app(host);
  }
  static const std::map<std::string, std::string> none;
  return refused_port(app, around.platform, edge, around.lost_ports ? *around.lost_ports : none);
}

std::string quoted(const std::string& name) { return "`" + name + "`"; }

// On the app's network a process answers to its name. A name that leads to something else as well
// would send half of the connections to the wrong one.
Result<void> check_names(const Graph& graph) {
  const App& app = *graph.app;
  const auto refuse = [&](const std::string& field, const std::string& why) {
    return Error{Code::invalid, field + ": " + why, app.where(field)};
  };
  for (const auto& [name, process] : app.processes) {
    const std::string field = "processes." + name;
    if (name == app.name) {
      return refuse(field, quoted(name) +
                               " is the app's own name, by which others reach its main "
                               "process: give the process another name");
    }
    if (graph.services.count(name) > 0) {
      return refuse(field, quoted(name) + " is the name by which the service " + name +
                               " is on the app's network: give the process another name");
    }
  }
  for (const auto& [name, address] : app.hosts) {
    if (graph.services.count(name) == 0) continue;
    return refuse("hosts." + name, quoted(name) +
                                       " is the name by which the app reaches the "
                                       "service " +
                                       name + ": leave it out");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Graph>> resolve(const Providers& providers,
                                             const std::shared_ptr<const App>& app,
                                             const Surroundings& around) {
  const std::string& source = app->document->start.file;
  if (auto beyond = beyond_tenant(*app, around.platform.tenants, source)) return *beyond;
  auto graph = std::make_shared<Graph>();
  graph->app = app;
  graph->ownership = around.ownership;
  graph->unmet = unmet_needs(providers, app->needs, around.platform, around.has_app);
  ResolveInput input{
      app.get(), &around.platform, &around.secrets, &around.certificates, around.lost_hosts,
      false,     around.scheme,    around.served,   around.image_id,      around.says_image_id};
  for (const auto& provider : providers) {
    const std::string host = provider->hosted_by(around.platform);
    input.hosted = host.empty() || around.has_app(host);
    const std::size_t before = graph->resources.size();
    if (Result<void> done = provider->resolve(input, *graph); !done) return done.error();
    for (std::size_t i = before; i < graph->resources.size(); ++i) {
      graph->resources[i].provider = provider->name();
    }
  }
  if (Result<void> done = check_names(*graph); !done) return done.error();
  graph->refused = refused_of(providers, *app, around);
  return std::shared_ptr<const Graph>(std::move(graph));
}

std::optional<Error> refused_anywhere(const Providers& providers, const App& app,
                                      const Platform& platform) {
  auto shown = std::make_shared<App>(app);
  // A file of passwords has a grammar of its own, so no other text can stand for it.
  for (Expose& expose : shown->expose) expose.auth.reset();
  std::map<std::string, Secret> secrets;
  for (const auto& [name, source] : app.secrets) {
    if (source.file) secrets[*source.file] = Secret("secret");
  }
  Platform allowing = platform;
  allowing.tenants.clear();
  for (const HostMount& mount : app.mounts) allowing.mount_roots.push_back(mount.host);
  const auto graph = resolve(providers, shown,
                             {allowing, secrets, {}, {}, [](const std::string&) { return true; }});
  return graph ? std::nullopt : std::optional(graph.error());
}

}  // namespace fairlead
