#include "providers/docker/backends.h"

#include <algorithm>
#include <memory>

#include "providers/docker/readiness.h"
#include "providers/docker/resolve.h"

namespace fairlead::docker {
namespace {

using std::chrono::seconds;

constexpr seconds default_drain{10};

std::string address_of(const SeenContainer& container) {
  const auto endpoint = container.networks->find(network_name(container.identity.app));
  return endpoint == container.networks->end() ? "" : endpoint->second.address;
}

bool receives(const View& view, const SeenContainer& container) {
  return view.traffic && view.traffic->known &&
         view.traffic->addresses.count(address_of(container)) > 0;
}

// One that answered until it was restarted keeps its place: its address stays, and taking it out
// and in again helps nobody. One that is ill loses it. Where nobody knows any more who has a place,
// whoever runs and is not ill has one.
bool belongs(const View& view, const SeenContainer& container, const Readiness& is) {
  const bool lost = view.traffic && !view.traffic->known && view.traffic->lost;
  const bool may_have = receives(view, container) || (lost && container.alive());
  return is.ready() || (may_have && !is.broken());
}

// It runs and may answer all the same, which is better than nobody.
bool is_least_bad(const SeenContainer& container, const Readiness& is) {
  return is.broken() && container.state == "running" &&
         container.detail->restart_count < crash_loop_restarts;
}

bool older(const SeenContainer* a, const SeenContainer* b) {
  const auto created = [](const SeenContainer* of) {
    return of->detail ? of->detail->created : Duration(0);
  };
  return created(a) < created(b);
}

}  // namespace

std::shared_ptr<const ContainerSpec> main_spec(const Graph& wanted) {
  for (auto& spec : container_specs(wanted)) {
    if (spec->process == main_process) return spec;
  }
  return nullptr;
}

bool is_sent_requests(const View& view, const SeenContainer& container) {
  return !view.traffic || container.identity.process != main_process || receives(view, container);
}

std::vector<std::string> backends_of(const View& view) {
  const auto* seen = dynamic_cast<const SeenApp*>(view.seen);
  const bool wanted = view.wanted && !view.wanted->app->suspend;
  const auto spec = wanted ? main_spec(*view.wanted) : nullptr;
  if (!seen || !spec || spec->once) return {};
  std::vector<std::string> addresses;
  std::vector<const SeenContainer*> old;
  std::vector<std::string> ill;
  bool any_ready = false;
  int in_place = 0;
  for (const SeenContainer& container : seen->containers) {
    const bool candidate = container.identity.process == main_process && !container.failed() &&
                           !container.going() && !address_of(container).empty();
    if (!candidate) continue;
    if (container.identity.fingerprint != spec->fingerprint) {
      if (container.alive()) old.push_back(&container);
      continue;
    }
    if (container.identity.replica > spec->replicas) continue;
    const Readiness is = readiness(*spec, container, *view.memory, view.now);
    if (is_least_bad(container, is)) ill.push_back(address_of(container));
    if (!belongs(view, container, is)) continue;
    any_ready = any_ready || is.ready();
    addresses.push_back(address_of(container));
    if (is_sent_requests(view, container)) ++in_place;
  }
  std::stable_sort(old.begin(), old.end(),
                   [](const auto* a, const auto* b) { return older(b, a); });
  const int keep =
      spec->recreate ? static_cast<int>(old.size()) : std::max(0, spec->replicas - in_place);
  for (std::size_t i = 0; i < old.size() && static_cast<int>(i) < keep; ++i) {
    addresses.push_back(address_of(*old[i]));
    any_ready = true;
  }
  if (!any_ready) addresses.insert(addresses.end(), ill.begin(), ill.end());
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

Drain drain_of(const View& view, const SeenContainer& container) {
  const bool serves = container.identity.process == main_process && container.alive();
  if (!view.traffic || !serves) return {};
  if (!view.traffic->known) return {"until the edge has been asked whom it sends requests", {}};
  if (receives(view, container)) return {"until the edge sends it no more requests", {}};
  const auto said = view.wanted ? view.wanted->app->deploy.drain : std::nullopt;
  const Duration due = view.traffic->since + (said ? Duration(*said) : Duration(default_drain));
  if (view.now.steady >= due) return {};
  return {"until it is drained", due};
}

}  // namespace fairlead::docker
