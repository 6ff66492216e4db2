#include "providers/nginx/outside.h"

#include "providers/nginx/site.h"
#include "reconciler/url.h"

namespace fairlead::nginx {
namespace {

using std::chrono::seconds;

constexpr seconds asked_every{5};
constexpr seconds accepted_within{2};
constexpr int failures_max = 3;  // in a row; the engine takes a moment to publish
constexpr std::string_view this_host = "unix://";

std::string address_of(const Platform::Edge& edge) {
  const bool any = edge.address == "0.0.0.0" || edge.address == "::";
  return any ? "127.0.0.1" : edge.address;
}

Probe probe_of(const View& view, int port) {
  const std::string text = std::to_string(port);
  Probe probe;
  probe.key = "outside " + view.place->instance + " " + text;
  probe.call =
      ConnectCall{host_in_url(address_of(view.platform->edge)) + ":" + text, accepted_within};
  probe.subject = "nothing answers on port " + text + " of the host";
  probe.interval = asked_every;
  return probe;
}

}  // namespace

std::vector<Probe> outside_probes(const View& view) {
  const Platform::Edge& edge = view.platform->edge;
  const bool published = view.app == edge_app && edge.mode == Platform::Edge::Mode::managed &&
                         view.platform->engine.host.starts_with(this_host);
  if (!published || !view.wanted || !view.place) return {};
  return {probe_of(view, edge.http_port), probe_of(view, edge.https_port)};
}

void judge_outside(const View& view, Report& report) {
  for (const Probe& probe : outside_probes(view)) {
    const auto found = view.memory->probes.find(probe.key);
    if (found == view.memory->probes.end()) continue;
    const ProbeState& state = found->second;
    if (state.failures_in_row < failures_max) continue;
    report.worsen(HealthState::degraded, "EdgeUnreachable",
                  state.last_error +
                      "; the engine's proxy for it is gone, and a restart of the edge's container "
                      "brings it back");
  }
}

}  // namespace fairlead::nginx
