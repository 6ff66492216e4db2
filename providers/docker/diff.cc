#include "providers/docker/diff.h"

#include <algorithm>
#include <utility>

#include "providers/docker/backends.h"
#include "providers/docker/diff_process.h"
#include "providers/docker/host_ports.h"
#include "providers/docker/published.h"
#include "providers/docker/reader.h"
#include "providers/docker/resolve.h"
#include "reconciler/units.h"

namespace fairlead::docker {
namespace {

const SeenApp& seen_of(const View& view) {
  static const SeenApp nothing;
  const auto* seen = dynamic_cast<const SeenApp*>(view.seen);
  return seen ? *seen : nothing;
}

const SeenNetwork* own_network(const SeenApp& seen) {
  // Of two of ours (a create whose answer was lost) the one that containers use.
  const SeenNetwork* found = nullptr;
  for (const SeenNetwork& network : seen.networks) {
    if (!network.ours) continue;
    const bool used = std::any_of(
        seen.containers.begin(), seen.containers.end(), [&](const SeenContainer& container) {
          const auto endpoint = container.networks->find(network.name);
          return endpoint != container.networks->end() && endpoint->second.network_id == network.id;
        });
    if (!found || used) found = &network;
  }
  return found;
}

std::set<std::string> addresses_in_use(const SeenApp& seen, const std::string& network) {
  std::set<std::string> used;
  for (const auto* containers : {&seen.containers, &seen.visitors}) {
    for (const SeenContainer& container : *containers) {
      const auto endpoint = container.networks->find(network);
      if (endpoint != container.networks->end()) used.insert(endpoint->second.address);
    }
  }
  return used;
}

// Nothing of another revision than the wanted one is left.
bool is_settled(const View& view) {
  std::set<std::string> wanted;
  if (view.wanted) {
    for (const auto& spec : container_specs(*view.wanted)) wanted.insert(spec->fingerprint);
  }
  const SeenApp& seen = seen_of(view);
  return std::all_of(
      seen.containers.begin(), seen.containers.end(), [&](const SeenContainer& container) {
        return container.failed() || wanted.count(container.identity.fingerprint) > 0;
      });
}

// Drafts the plan of one wanted app.
class AppDiff {
 public:
  AppDiff(const Keys& keys, const View& view, Plan& plan, Report& report)
      : view_(view),
        specs_(container_specs(*view.wanted)),
        steps_(keys, *view.session),
        draft_(view, seen_of(view), steps_, plan, report) {
    draft_.before = view.prerequisites;
  }

  void run() {
    draft_.blocked = view_.waiting_for;
    if (!view_.waiting_for.empty()) {
      draft_.report.out_of_sync("DependencyNotReady", view_.waiting_for);
    }
    const bool suspended = view_.wanted->app->suspend;
    if (!suspended) ports();
    reading();
    if (!suspended) {
      network();
      services();
      volume();
      images();
    }
    draft_.report.trials = view_.memory->trials.of_none();
    processes();
    unwanted_processes();
    clear_keepers(draft_);
    stale_secrets();
    if (!draft_.report.conflicts.empty()) {
      const Conflict& first = draft_.report.conflicts.front();
      draft_.report.worsen(HealthState::degraded, "Conflict",
                           first.resource + ": " + first.message);
      draft_.report.out_of_sync("Conflict", first.message);
    }
  }

 private:
  void conflict(std::string resource, const std::string& message) {
    if (draft_.blocked.empty()) draft_.blocked = resource + ": " + message;
    draft_.report.conflicts.push_back({std::move(resource), message});
  }

  // Before anything is made ready, or stopped to make room, for what cannot be published.
  void ports() {
    std::string why = view_.wanted->refused;
    for (const auto& spec : specs_) {
      if (!why.empty()) break;
      why = port_in_use(*spec, draft_.seen);
      // No event tells when it ends.
      if (!why.empty()) draft_.report.due(view_.now.steady + port_poll);
    }
    if (why.empty()) return;
    draft_.refused = true;
    draft_.blocked = why;
    draft_.report.out_of_sync("PortRefused", why);
    if (!serving_container(draft_.seen)) {
      draft_.report.worsen(HealthState::degraded, "PortRefused", why);
    }
  }

  // What is to be made of an image waits until it is known what the image says.
  void reading() {
    const Reading reading = plan_reading(view_, draft_.seen, steps_, draft_.plan, draft_.report);
    if (reading.pull) draft_.pulls[view_.to_read] = *reading.pull;
    if (reading.wait && is_wanted(view_.to_read)) draft_.before.push_back(*reading.wait);
  }

  bool is_wanted(const std::string& image) const {
    return std::any_of(specs_.begin(), specs_.end(),
                       [&](const auto& spec) { return spec->image == image; });
  }

  void network() {
    const SeenNetwork* own = draft_.own = own_network(draft_.seen);
    for (const SeenNetwork& network : draft_.seen.networks) {
      if (!network.ours) {
        conflict("network " + network.name,
                 "a network of this name exists and is not fairlead's; remove or "
                 "rename it, or give the app another name");
      } else if (&network != own) {
        draft_.add(steps_.remove_network(network), "a second network of this name");
      }
    }
    if (own) {
      draft_.addresses = Addresses(own->subnet, addresses_in_use(draft_.seen, own->name));
      draft_.report.resources.push_back({"network", own->name, own->subnet, ""});
    } else if (draft_.blocked.empty()) {
      create_network();
    }
  }

  // The services that the app uses are attached to its network, each under its own name; others
  // have no business there.
  void services() {
    // A container of an earlier revision may use what the next one does not.
    const bool settled = is_settled(view_);
    for (const SeenContainer& visitor : draft_.seen.visitors) {
      const std::string& service = visitor.identity.app;
      if (const SeenContainer* holder = same_address(visitor)) {
        draft_.before.push_back(draft_.add(steps_.disconnect(visitor, network_name(view_.app)),
                                           "it has the address of " + holder->name));
        continue;
      }
      if (!settled || view_.wanted->services.count(service) > 0) continue;
      draft_.add(steps_.disconnect(visitor, network_name(view_.app)),
                 view_.app + " does not use " + service);
    }
    if (!draft_.blocked.empty()) return;
    for (const auto& [service, awaited] : view_.wanted->services) attach(service, awaited);
  }

  // A list lacked the container when the visitor was given its address, and now it cannot start.
  const SeenContainer* same_address(const SeenContainer& visitor) const {
    const auto address_of = [&](const SeenContainer& container) {
      const auto endpoint = container.networks->find(network_name(view_.app));
      return endpoint == container.networks->end() ? "" : endpoint->second.address;
    };
    const std::string address = address_of(visitor);
    for (const SeenContainer& container : draft_.seen.containers) {
      if (!address.empty() && address_of(container) == address) return &container;
    }
    return nullptr;
  }

  void attach(const std::string& service, bool awaited) {
    const auto held = view_.services.find(service);
    const auto* seen =
        held == view_.services.end() ? nullptr : dynamic_cast<const SeenApp*>(held->second);
    const SeenContainer* serving = seen ? serving_container(*seen) : nullptr;
    if (!serving && !awaited) return;
    if (!serving) {
      const std::string cause = "until the app " + service + " runs";
      draft_.before.push_back(draft_.add(Steps::wait("container " + service), cause));
      draft_.report.out_of_sync("ServiceUnavailable", "waits for the app " + service);
      return;
    }
    if (draft_.own && is_attached(serving->id)) return;
    const std::optional<std::string> address = draft_.addresses.take();
    if (!address) return;
    std::vector<std::size_t> needs;
    if (draft_.network) needs.push_back(*draft_.network);
    const Attachment attachment{network_name(view_.app), *address, {service}};
    const std::size_t attached =
        draft_.add(steps_.connect(*serving, attachment),
                   awaited ? view_.app + " uses " + service : service + " leads to " + view_.app,
                   std::move(needs));
    if (awaited) draft_.before.push_back(attached);
  }

  bool is_attached(const std::string& id) const {
    return std::any_of(draft_.seen.visitors.begin(), draft_.seen.visitors.end(),
                       [&](const SeenContainer& visitor) {
                         const auto endpoint = visitor.networks->find(network_name(view_.app));
                         return visitor.id == id && endpoint != visitor.networks->end() &&
                                endpoint->second.network_id == draft_.own->id;
                       });
  }

  void create_network() {
    int prefix = 26;
    for (const Resource& resource : view_.wanted->resources) {
      if (const auto* spec = dynamic_cast<const NetworkSpec*>(resource.spec.get()))
        prefix = spec->prefix;
    }
    const std::string& pool = view_.platform->network.pool;
    const std::optional<Subnet> subnet = take_subnet(pool, prefix);
    if (!subnet) {
      draft_.blocked = "the address pool " + pool + " has no free /" + std::to_string(prefix) +
                       "; give network.pool in the platform file a larger one";
      draft_.report.worsen(HealthState::degraded, "PoolExhausted", draft_.blocked);
      return;
    }
    draft_.network = draft_.add(steps_.create_network(view_.app, *subnet), "there is none");
    draft_.addresses = Addresses(subnet->text(), {});
  }

  // What it has claimed before stays its own, so that a create whose answer was lost is repeated.
  std::optional<Subnet> take_subnet(const std::string& pool, int prefix) const {
    static const SeenEngine nothing;
    const auto* seen = dynamic_cast<const SeenEngine*>(view_.shared);
    const RangeSet& used = (seen ? *seen : nothing).subnets;
    const Range own = view_.claims->of(view_.app);
    const Subnet before{static_cast<std::uint32_t>(own.from), prefix};
    const std::optional<Subnet> whole = Subnet::parse(pool);
    const bool fits = whole && whole->prefix <= prefix && whole->overlaps(before) &&
                      before.range() == own && !used.taken_until(own);
    return fits ? before : free_subnet(pool, prefix, used, view_.claims->taken());
  }

  void volume() {
    for (const Resource& resource : view_.wanted->resources) {
      if (resource.kind != "volume") continue;
      const auto& volumes = draft_.seen.volumes;
      const auto found =
          std::find_if(volumes.begin(), volumes.end(),
                       [&](const SeenVolume& volume) { return volume.name == resource.name; });
      if (found == volumes.end()) {
        if (draft_.blocked.empty()) {
          draft_.volume = draft_.add(steps_.create_volume(view_.app), "there is none");
        }
      } else if (!found->trouble.empty()) {
        conflict("volume " + resource.name, found->trouble);
      } else {
        draft_.report.resources.push_back({"volume", resource.name, "there", ""});
      }
    }
  }

  void images() {
    if (!draft_.blocked.empty()) return;
    for (const auto& [image, seen] : draft_.seen.images) {
      const bool pulled = draft_.pulls.count(image) > 0;
      if (!seen.id.empty() || pulled || !is_wanted(image) || is_here_by_id()) continue;
      draft_.pulls[image] = draft_.add(steps_.pull(image), "not on this host");
      if (specs_.front()->image_id.empty()) continue;
      // What comes may be another one than ran.
      draft_.pulls[image] =
          draft_.add(Steps::wait("image " + image), "until it is seen what it stands for",
                     {draft_.pulls[image]});
    }
  }

  bool is_here_by_id() const {
    const auto held = draft_.seen.images.find(specs_.front()->image_id);
    return held != draft_.seen.images.end() && !held->second.id.empty();
  }

  void processes() {
    for (const auto& spec : specs_) ProcessDiff(draft_, *spec).run();
  }

  void unwanted_processes() {
    if (draft_.refused) return;
    for (const SeenContainer& container : draft_.seen.containers) {
      const bool wanted = std::any_of(specs_.begin(), specs_.end(), [&](const auto& spec) {
        return spec->process == container.identity.process;
      });
      if (wanted) continue;
      retire(draft_, container, Ending::remove,
             "process " + container.identity.process + " is not in the manifest", {});
    }
  }

  // Files that only containers of earlier revisions mounted go when these are gone.
  void stale_secrets() {
    std::set<std::string> wanted;
    std::set<std::string> fingerprints;
    for (const auto& spec : specs_) {
      fingerprints.insert(spec->fingerprint);
      for (const SecretFile& file : spec->secrets) wanted.insert(file.path);
    }
    for (const SeenContainer& container : draft_.seen.containers) {
      if (fingerprints.count(container.identity.fingerprint) == 0) return;
    }
    for (const std::string& path : draft_.seen.secret_files) {
      if (wanted.count(path) == 0) draft_.add(Steps::remove_secret(path), "no container mounts it");
    }
  }

  const View& view_;
  std::vector<std::shared_ptr<const ContainerSpec>> specs_;
  Steps steps_;
  Draft draft_;
};

// What fairlead asks the container at its address.
void ask_of(const ContainerSpec& spec, const SeenContainer& container, const std::string& address,
            std::vector<Probe>& probes) {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(spec.health_timeout);
  const Duration lenient_until = container.detail->started + spec.health_start_period;
  if (spec.http) {
    HttpCall call;
    call.endpoint = address + ":" + std::to_string(spec.http->port);
    call.path = spec.http->path;
    if (!spec.http->host.empty()) call.headers.emplace_back("Host", spec.http->host);
    call.timeout = timeout;
    call.body_max = 64u << 10;
    probes.push_back({probe_key(container), std::move(call), "GET " + spec.http->path,
                      spec.health_interval, lenient_until});
  }
  for (const int port : asked_ports(spec, container)) {
    const std::string text = std::to_string(port);
    probes.push_back({probe_key(container, port), ConnectCall{address + ":" + text, timeout},
                      "nothing accepts on port " + text, spec.health_interval, lenient_until});
  }
}

}  // namespace

void diff_app(const Keys& keys, const View& view, Plan& plan, Report& report) {
  AppDiff(keys, view, plan, report).run();
  describe_published(view, report);
}

void diff_removal(const Keys& keys, const View& view, Plan& plan, Report& report) {
  const SeenApp& seen = seen_of(view);
  const Steps steps(keys, *view.session);
  Draft draft(view, seen, steps, plan, report);
  const std::string cause = "the manifest is gone";
  plan_reading(view, seen, steps, plan, report);
  clear_keepers(draft);
  std::vector<std::size_t> gone;
  for (const SeenContainer& container : seen.containers) {
    const auto last = retire(draft, container, Ending::remove, cause, {});
    gone.insert(gone.end(), last.begin(), last.end());
    if (container.state == "removing") report.due(view.now.steady + removal_poll);
  }
  for (const SeenContainer& visitor : seen.visitors) {
    gone.push_back(draft.add(steps.disconnect(visitor, network_name(view.app)), cause));
  }
  // One that the engine is still removing keeps the network busy.
  const bool busy = std::any_of(seen.containers.begin(), seen.containers.end(),
                                [](const auto& held) { return held.state == "removing"; });
  for (const SeenNetwork& network : seen.networks) {
    if (network.ours && !busy) draft.add(steps.remove_network(network), cause, gone);
  }
  for (const std::string& path : seen.secret_files)
    draft.add(Steps::remove_secret(path), cause, gone);
  if (!view.drop_data) return;
  for (const SeenVolume& volume : seen.volumes) {
    if (volume.ours && volume.trouble.empty()) {
      draft.add(steps.remove_volume(volume.name), "reclaim: delete", gone);
    }
  }
}

void diff_unknown(const Keys& keys, const View& view, Plan& plan, Report& report) {
  plan_reading(view, seen_of(view), Steps(keys, *view.session), plan, report);
}

Standing standing_of(const View& view) {
  Standing standing;
  standing.settled = is_settled(view);
  for (const SeenContainer& container : seen_of(view).containers) {
    if (!container.alive()) continue;
    standing.running = true;
    for (const auto& [name, endpoint] : *container.networks) {
      if (!endpoint.address.empty()) standing.addresses.push_back(endpoint.address);
    }
  }
  std::sort(standing.addresses.begin(), standing.addresses.end());
  standing.backends = backends_of(view);
  return standing;
}

const SeenContainer* serving_container(const SeenApp& seen) {
  for (const SeenContainer& container : seen.containers) {
    const auto endpoint = container.networks->find(network_name(container.identity.app));
    const bool serves = container.identity.process == "web" && container.state == "running" &&
                        !container.failed() && endpoint != container.networks->end() &&
                        !endpoint->second.address.empty();
    if (serves) return &container;
  }
  return nullptr;
}

std::vector<Probe> health_probes(const View& view) {
  std::vector<Probe> probes;
  if (!view.wanted) return probes;
  for (const auto& spec : container_specs(*view.wanted)) {
    for (const SeenContainer& container : seen_of(view).containers) {
      const auto endpoint = container.networks->find(network_name(view.app));
      const bool asked = container.identity.process == spec->process &&
                         container.identity.fingerprint == spec->fingerprint &&
                         container.state == "running" && container.detail &&
                         endpoint != container.networks->end() && !endpoint->second.address.empty();
      if (asked) ask_of(*spec, container, endpoint->second.address, probes);
    }
  }
  return probes;
}

}  // namespace fairlead::docker
