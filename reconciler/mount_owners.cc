#include <algorithm>

#include "reconciler/hosts.h"
#include "reconciler/json.h"
#include "reconciler/mount_roots.h"

// The part of hosts.h that concerns folders of the host.
namespace fairlead {

void MountOwners::restore(std::string_view text) {
  const Result<Json> saved = Json::parse(text);
  if (!saved) return;
  for (const Json& claim : (*saved)["claims"].items()) {
    claims_.push_back(
        {claim["app"].as_string(), claim["path"].as_string(), claim["writes"].as_bool()});
  }
  judge();
}

std::set<std::string> MountOwners::update(
    const std::map<std::string, std::vector<HostMount>>& said) {
  const std::string kept_before = encode();
  std::map<std::string, std::string> before;
  std::vector<Claim> now;
  for (const auto& [app, mounts] : said) {
    before[app] = refused(app);
    for (const HostMount& mount : mounts) now.push_back({app, mount.host, !mount.read_only});
  }
  const auto among = [](const std::vector<Claim>& all, const Claim& claim) {
    return std::any_of(all.begin(), all.end(), [&](const Claim& held) { return held.says(claim); });
  };
  std::erase_if(claims_, [&](const Claim& claim) {
    return said.count(claim.app) == 0 || (!claim.refused.empty() && !among(now, claim));
  });
  for (const Claim& claim : now) {
    if (!among(claims_, claim)) claims_.push_back(claim);
  }
  judge();
  // Of an app that is refused runs what was granted to it before.
  std::erase_if(claims_, [&](const Claim& claim) {
    return !among(now, claim) && refused(claim.app).empty();
  });
  judge();
  changed_ = encode() != kept_before;
  std::set<std::string> moved;
  for (const auto& [app, why] : before) {
    if (refused(app) != why) moved.insert(app);
  }
  return moved;
}

// What is refused takes nothing from those that come later.
void MountOwners::judge() {
  for (auto claim = claims_.begin(); claim != claims_.end(); ++claim) {
    claim->refused.clear();
    for (auto held = claims_.begin(); held != claim && claim->refused.empty(); ++held) {
      const bool apart = held->app == claim->app || held->path == claim->path;
      if (apart || !held->refused.empty()) continue;
      if (held->writes && at_or_below(claim->path, held->path)) {
        claim->refused = claim->path + " lies in " + held->path + ", which the app " + held->app +
                         " mounts writable: it decides what is found there";
      } else if (claim->writes && at_or_below(held->path, claim->path)) {
        claim->refused = claim->path + " would be writable, and the app " + held->app + " mounts " +
                         held->path + " in it";
      }
    }
  }
}

std::string MountOwners::refused(const std::string& app) const {
  for (const Claim& claim : claims_) {
    if (claim.app == app && !claim.refused.empty()) {
      return claim.refused + "; mount another folder, or the very same one";
    }
  }
  return "";
}

std::string MountOwners::encode() const {
  if (claims_.empty()) return "";
  Json claims = Json::array();
  for (const Claim& claim : claims_) {
    claims.push(Json::object({{"app", claim.app}, {"path", claim.path}, {"writes", claim.writes}}));
  }
  return Json::object({{"schema", 1}, {"claims", claims}}).pretty() + "\n";
}

}  // namespace fairlead
