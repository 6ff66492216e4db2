// The part of Reconciler that shares out what only one app can have: host names and ports of the
// host.

#include <algorithm>
#include <utility>

#include "reconciler/reconciler.h"

namespace fairlead {

// Gives the apps that have others than before.
std::set<std::string> Reconciler::share_out() {
  std::map<std::string, HostOwners::Claim> claims;
  std::map<std::string, std::vector<Publish>> ports;
  const bool edge = std::any_of(links_.begin(), links_.end(), [this](const Link& held) {
    const bool there = !held.provider().hosted_by(*platform_).empty() && !nobody_runs(held);
    return held.provider().stands_alone() && there;
  });
  for (const auto& [name, entry] : catalog_.entries()) {
    if (edge) claims[name] = {entry.source, claimed_hosts(*entry.app, *platform_)};
    for (const Expose& expose : entry.app->expose) {
      if (expose.publish) ports[name].push_back(*expose.publish);
    }
  }
  std::set<std::string> moved = owners_.hosts.update(std::move(claims), *platform_);
  moved.merge(owners_.ports.update(std::move(ports)));
  if (owners_.hosts.owners_changed()) keep(hosts_folder, owners_file, owners_.hosts.encode());
  if (owners_.ports.owners_changed()) {
    keep(hosts_folder, Owners::ports_file, owners_.ports.encode());
  }
  return moved;
}

}  // namespace fairlead
