#include "reconciler/hosts.h"

#include <algorithm>

#include "reconciler/json.h"
#include "reconciler/mount_roots.h"

namespace fairlead {
namespace {

// "*.example.org" binds every name below, and itself.
bool binds(const std::string& domain, const std::string& host) {
  if (domain == host) return true;
  if (!domain.starts_with("*.")) return false;
  const std::string end = domain.substr(1);
  return host.size() > end.size() && host.ends_with(end);
}

bool binds(const Tenant& tenant, const std::string& host) {
  return std::any_of(tenant.domains.begin(), tenant.domains.end(),
                     [&](const std::string& domain) { return binds(domain, host); });
}

bool is_routed(const Expose& expose) { return expose.proto != Expose::Proto::tcp; }

}  // namespace

std::vector<std::string> claimed_hosts(const App& app, const Platform& platform) {
  std::set<std::string> hosts;
  // What nothing exposes here the image may.
  bool by_default = app.expose.empty();
  for (const Expose& expose : app.expose) {
    hosts.insert(expose.domains.begin(), expose.domains.end());
    by_default = by_default || (is_routed(expose) && expose.domains.empty());
  }
  if (by_default) hosts.insert(app.name + "." + platform.domain);
  return {hosts.begin(), hosts.end()};
}

std::string tenant_forbids(const Platform& platform, const std::string& app,
                           const std::string& source, const std::string& host) {
  const auto& tenants = platform.tenants;
  const auto bound = std::find_if(tenants.begin(), tenants.end(),
                                  [&](const auto& tenant) { return binds(tenant, host); });
  if (bound != tenants.end()) {
    const bool theirs = std::any_of(tenants.begin(), tenants.end(), [&](const auto& tenant) {
      return binds(tenant, host) && at_or_below(source, tenant.folder);
    });
    return theirs ? "" : "the platform file binds it to the folder " + bound->folder;
  }
  if (host == app + "." + platform.domain) return "";
  const bool tenant = std::any_of(tenants.begin(), tenants.end(),
                                  [&](const auto& held) { return at_or_below(source, held.folder); });
  return tenant ? "it is none of the domains that the platform file binds to its folder" : "";
}

void HostOwners::restore(std::string_view text) {
  const Result<Json> saved = Json::parse(text);
  if (!saved) return;
  for (const auto& [host, app] : (*saved)["owners"].members()) owners_[host] = app.as_string();
}

std::set<std::string> HostOwners::update(std::map<std::string, Claim> claims,
                                         const Platform& platform) {
  owners_changed_ = false;
  if (claims == claims_) return {};
  std::map<std::string, std::map<std::string, std::string>> lost;
  std::map<std::string, std::set<std::string>> claimants;
  for (const auto& [app, claim] : claims) {
    for (const std::string& host : claim.hosts) {
      const std::string forbidden = tenant_forbids(platform, app, claim.source, host);
      if (forbidden.empty()) claimants[host].insert(app);
      if (!forbidden.empty()) lost[app][host] = forbidden;
    }
  }
  std::map<std::string, std::string> owners;
  for (const auto& [host, apps] : claimants) {
    const auto held = owners_.find(host);
    const bool keeps = held != owners_.end() && apps.count(held->second) > 0;
    const std::string& owner = owners[host] = keeps ? held->second : *apps.begin();
    for (const std::string& app : apps) {
      if (app != owner) lost[app][host] = "the app " + owner + " has it";
    }
  }
  owners_changed_ = owners_ != owners;
  owners_ = std::move(owners);
  std::set<std::string> moved;
  for (const auto* one : {&lost, &lost_}) {
    const auto& other = one == &lost ? lost_ : lost;
    for (const auto& [app, hosts] : *one) {
      const auto held = other.find(app);
      if (held == other.end() || held->second != hosts) moved.insert(app);
    }
  }
  lost_ = std::move(lost);
  claims_ = std::move(claims);
  return moved;
}

const std::map<std::string, std::string>& HostOwners::lost(const std::string& app) const {
  static const std::map<std::string, std::string> none;
  const auto found = lost_.find(app);
  return found == lost_.end() ? none : found->second;
}

std::string HostOwners::encode() const {
  if (owners_.empty()) return "";
  const Json owners = Json::object_of(Json::Members(owners_.begin(), owners_.end()));
  return Json::object({{"schema", 1}, {"owners", owners}}).pretty() + "\n";
}

}  // namespace fairlead
