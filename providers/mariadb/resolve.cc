#include "providers/mariadb/resolve.h"

#include <algorithm>
#include <memory>
#include <string>

#include "providers/mariadb/connection.h"
#include "providers/mariadb/marks.h"
#include "reconciler/url.h"

namespace fairlead::mariadb {
Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph) {
  const App& app = *input.app;
  if (!app.needs.database) return {};
  auto spec = std::make_shared<DatabaseSpec>();
  spec->rotation = app.needs.database->rotation;
  const Tenant* tenant = tenant_of(input.platform->tenants, app.document->start.file);
  if (tenant && tenant->connections) {
    spec->connections_max = std::min(spec->connections_max, *tenant->connections);
  }
  spec->connections_max = app.needs.database->connections_max.value_or(spec->connections_max);

  const std::string host = host_for_apps(*input.platform);
  const std::string port = std::to_string(port_of(*input.platform));
  const std::string password = app_password(keys, app.name, spec->rotation).reveal();
  graph.env["DATABASE_URL"] = "mysql://" + percent_encode(app.name) + ":" +
                              percent_encode(password) + "@" + host_in_url(host) + ":" + port +
                              "/" + percent_encode(app.name);
  graph.env["DB_CONNECTION"] = "mysql";
  graph.env["DB_HOST"] = host;
  graph.env["DB_PORT"] = port;
  graph.env["DB_DATABASE"] = app.name;
  graph.env["DB_USERNAME"] = app.name;
  graph.env["DB_PASSWORD"] = password;
  if (!input.platform->database.external) graph.services["mariadb"] = true;
  graph.resources.push_back({"database", app.name, {}, std::move(spec), ""});
  return {};
}

const DatabaseSpec* spec_of(const Graph* graph) {
  if (!graph) return nullptr;
  for (const Resource& resource : graph->resources) {
    if (const auto* spec = dynamic_cast<const DatabaseSpec*>(resource.spec.get())) return spec;
  }
  return nullptr;
}

}  // namespace fairlead::mariadb
