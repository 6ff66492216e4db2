#include "providers/docker/published.h"

#include "providers/docker/backends.h"
#include "providers/docker/readiness.h"
#include "providers/docker/resolve.h"
#include "reconciler/url.h"

namespace fairlead::docker {
namespace {

// Whether it was made with this field, as its label says: "a=1f2e3d publish.0.0.0.0:80=4c5b6a".
bool has_field(const SeenContainer& container, const std::string& field) {
  return (" " + container.fields + " ").find(" " + field + " ") != std::string::npos;
}

RouteState route_of(const View& view, const ContainerSpec& spec, const Expose& expose) {
  const std::string host =
      host_in_url(expose.publish->address) + ":" + std::to_string(expose.publish->port);
  RouteState route{host, "", "tcp", {}, "", {}, "waiting", "no container that publishes it runs"};
  if (view.wanted->app->suspend) route.cause = "the app is suspended";
  const auto* seen = dynamic_cast<const SeenApp*>(view.seen);
  // Its name is that of the fingerprint's field.
  const std::string name =
      "publish." + expose.publish->address + ":" + std::to_string(expose.publish->port);
  const auto field = spec.fields.find(name);
  if (!seen || field == spec.fields.end()) return route;
  for (const SeenContainer& container : seen->containers) {
    const bool holds = container.identity.process == main_process && container.alive() &&
                       !container.failed() &&
                       has_field(container, name + "=" + field->second.digest);
    if (!holds) continue;
    const auto endpoint = container.networks->find(network_name(view.app));
    if (endpoint != container.networks->end() && !endpoint->second.address.empty()) {
      route.upstreams.push_back(host_in_url(endpoint->second.address) + ":" +
                                std::to_string(expose.port));
    }
    const Readiness is = readiness(spec, container, *view.memory, view.now);
    route.state = "live";
    route.cause = is.ready() ? "" : "its container is not ready: " + is.text;
  }
  return route;
}

}  // namespace

void describe_published(const View& view, Report& report) {
  const auto spec = main_spec(*view.wanted);
  if (!spec) return;
  for (const Expose& expose : view.wanted->app->expose) {
    if (expose.publish) report.routes.push_back(route_of(view, *spec, expose));
  }
}

}  // namespace fairlead::docker
