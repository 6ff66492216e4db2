#include "reconciler/hosts.h"

#include <libpsl.h>

#include <algorithm>
#include <utility>

#include "reconciler/first_level.h"
#include "reconciler/json.h"

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

bool is_bound(const Platform& platform, const std::string& host) {
  const auto& tenants = platform.tenants;
  return std::any_of(tenants.begin(), tenants.end(),
                     [&](const auto& tenant) { return binds(tenant, host); });
}

using OwnerByHost = std::map<std::string, std::string>;  // host → app

// The longest wildcard that covers the host and that somebody has; end(): none.
OwnerByHost::const_iterator wildcard_above(const OwnerByHost& owners, const std::string& host) {
  const std::string below = host.starts_with("*.") ? host.substr(2) : host;
  for (std::size_t dot = below.find('.'); dot != below.npos; dot = below.find('.', dot + 1)) {
    const auto found = owners.find("*" + below.substr(dot));
    if (found != owners.end()) return found;
  }
  return owners.end();
}

// Shares out what is claimed at one moment.
class SharingOut {
 public:
  SharingOut(const std::map<std::string, HostOwners::Claim>& claims, const Platform& platform,
             const OwnerByHost& before)
      : claims_(claims), platform_(platform), before_(before) {
    for (const auto& [app, claim] : claims) {
      for (const std::string& host : claim.hosts) claimants_[host].insert(app);
    }
    std::vector<std::string> hosts;
    for (const auto& [host, apps] : claimants_) hosts.push_back(host);
    // A wildcard before what it covers.
    std::stable_sort(hosts.begin(), hosts.end(),
                     [](const auto& a, const auto& b) { return rank(a) < rank(b); });
    for (const std::string& host : hosts) give(host);
  }

  OwnerByHost owners;
  Lost lost;

 private:
  static std::size_t rank(const std::string& host) {
    return host.starts_with("*.") ? host.size() : std::string::npos;
  }
  bool had(const std::string& app, const std::string& host) const {
    const auto held = before_.find(host);
    return held != before_.end() && held->second == app;
  }
  const std::string& source(const std::string& app) const { return claims_.at(app).source; }
  bool neighbours(const std::string& a, const std::string& b) const {
    return first_level(source(a)) == first_level(source(b));
  }
  bool is_operators(const std::string& app) const {
    return first_level(source(app)) == platform_.folders.platform;
  }
  std::string default_of(const std::string& app) const { return app + "." + platform_.domain; }

  void give(const std::string& host) {
    std::vector<std::string> may;
    for (const std::string& app : claimants_[host]) {
      const std::string why = refused(app, host);
      if (why.empty()) may.push_back(app);
      if (!why.empty()) lost[app][host] = why;
    }
    if (may.empty()) return;
    const auto held = before_.find(host);
    const bool keeps = held != before_.end() && std::count(may.begin(), may.end(), held->second);
    const std::string& owner = owners[host] = keeps ? held->second : may.front();
    for (const std::string& app : may) {
      if (app != owner) lost[app][host] = "the app " + owner + " has it";
    }
  }

  std::string refused(const std::string& app, const std::string& host) const {
    const std::string forbidden = tenant_forbids(platform_, app, source(app), host);
    if (!forbidden.empty()) return forbidden;
    const bool own = host == default_of(app) || is_bound(platform_, host);
    if (own || had(app, host)) return "";
    if (!is_operators(app)) {
      const std::string reserved = reserved_host(platform_, host);
      if (!reserved.empty()) return reserved;
    }
    const auto wildcard = wildcard_above(owners, host);
    if (wildcard != owners.end() && !neighbours(app, wildcard->second)) {
      return "it is below " + wildcard->first + ", which the app " + wildcard->second + " has";
    }
    return default_of_other(app, host);
  }

  // Another app's name below the platform's domain, whether that app has said other domains or not.
  std::string default_of_other(const std::string& app, const std::string& host) const {
    const std::size_t dot = host.find('.');
    if (dot == host.npos || host.substr(dot + 1) != platform_.domain) return "";
    const std::string other = host.substr(0, dot);
    const bool theirs = claims_.count(other) > 0 && !neighbours(app, other);
    return theirs && !is_operators(app) ? "it is the default name of the app " + other : "";
  }

  const std::map<std::string, HostOwners::Claim>& claims_;
  const Platform& platform_;
  const OwnerByHost& before_;
  std::map<std::string, std::set<std::string>> claimants_;
};

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

std::string reserved_host(const Platform& platform, const std::string& host) {
  const std::string bind = "; bind it to a folder by edge.tenants in the platform file";
  const bool wildcard = host.starts_with("*.");
  const std::string domain = wildcard ? host.substr(2) : host;
  if (wildcard && domain == platform.domain) {
    return "it covers the default names of all apps" + bind;
  }
  const psl_ctx_t* list = psl_builtin();
  // A single label that is in no list is a suffix to the list's own rule, and a host to an
  // intranet.
  const bool suffix = wildcard ? psl_is_public_suffix(list, domain.c_str()) != 0
                               : psl_is_public_suffix2(list, domain.c_str(),
                                                       PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) != 0;
  if (!suffix) return "";
  return domain + " is a public suffix, below which everybody may have names" + bind;
}

std::string tenant_forbids(const Platform& platform, const std::string& app,
                           const std::string& source, const std::string& host) {
  const auto& tenants = platform.tenants;
  const auto bound = std::find_if(tenants.begin(), tenants.end(),
                                  [&](const auto& tenant) { return binds(tenant, host); });
  if (bound != tenants.end()) {
    const bool theirs = std::any_of(tenants.begin(), tenants.end(), [&](const auto& tenant) {
      return binds(tenant, host) && source.starts_with(tenant.folder + "/");
    });
    return theirs ? "" : "the platform file binds it to the folder " + bound->folder;
  }
  if (host == app + "." + platform.domain) return "";
  return tenant_of(tenants, source)
             ? "it is none of the domains that the platform file binds to its folder"
             : "";
}

std::set<std::string> lacking_otherwise(const Lost& before, const Lost& now) {
  std::set<std::string> apps;
  for (const auto* one : {&now, &before}) {
    const Lost& other = one == &now ? before : now;
    for (const auto& [app, lacks] : *one) {
      const auto held = other.find(app);
      if (held == other.end() || held->second != lacks) apps.insert(app);
    }
  }
  return apps;
}

const std::map<std::string, std::string>& lost_by(const std::string& app, const Lost& lost) {
  static const std::map<std::string, std::string> none;
  const auto found = lost.find(app);
  return found == lost.end() ? none : found->second;
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
  SharingOut shared(claims, platform, owners_);
  owners_changed_ = owners_ != shared.owners;
  owners_ = std::move(shared.owners);
  std::set<std::string> moved = lacking_otherwise(lost_, shared.lost);
  lost_ = std::move(shared.lost);
  claims_ = std::move(claims);
  return moved;
}

std::string HostOwners::encode() const {
  if (owners_.empty()) return "";
  const Json owners = Json::object_of(Json::Members(owners_.begin(), owners_.end()));
  return Json::object({{"schema", 1}, {"owners", owners}}).pretty() + "\n";
}

}  // namespace fairlead
