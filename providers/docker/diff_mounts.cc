// The part of ProcessDiff that concerns folders of the host (mounts.h).

#include <chrono>

#include "providers/docker/diff_process.h"
#include "providers/docker/mounts.h"

namespace fairlead::docker {
namespace {

constexpr std::chrono::seconds mounts_again_after{15};

}  // namespace

// Whether what is new may be made: all that it mounts was found, and may be mounted. Else the
// report says why not.
bool ProcessDiff::mountable() {
  const auto& seen = draft_.seen.mounts;
  for (const std::string& path : spec_.host_mounts) {
    const auto found = seen.find(path);
    if (found != seen.end() && found->second.trouble.empty()) continue;
    const std::string why = found == seen.end() ? "not looked at yet" : found->second.trouble;
    draft_.report.worsen(HealthState::degraded, "MountRefused",
                         spec_.process + " cannot mount " + path + ": " + why);
    draft_.report.out_of_sync("MountRefused", path + ": " + why);
    draft_.report.due(now_.steady + mounts_again_after);
    return false;
  }
  return true;
}

// What was found where it mounts, as a label keeps it: path → identity.
Json ProcessDiff::found_mounts() const {
  Json found = Json::object();
  for (const std::string& path : spec_.host_mounts) {
    const auto seen = draft_.seen.mounts.find(path);
    if (seen != draft_.seen.mounts.end()) found.set(path, seen->second.identity);
  }
  return found;
}

// Why a container that was never started must not be; empty: nothing speaks against it. Of one
// whose label does not tell what was found only what is found now counts.
std::string ProcessDiff::why_unstarted(const SeenContainer& container) const {
  if (container.state != "created") return "";
  const Result<Json> label = Json::parse(container.mounts);
  const Json found = label ? *label : Json::object();
  for (const std::string& path : spec_.host_mounts) {
    const auto seen = draft_.seen.mounts.find(path);
    if (seen == draft_.seen.mounts.end()) continue;
    const auto& [identity, trouble] = seen->second;
    const std::string& made_for = found[path].as_string();
    const std::string what = "it was made to mount " + path + ", and ";
    if (!trouble.empty()) return what + trouble;
    if (!made_for.empty() && made_for != identity) return what + "something else lies there now";
  }
  return "";
}

ProcessDiff::Needs ProcessDiff::look_at(const std::string& container,
                                        const std::vector<std::string>& paths,
                                        const Json& identities, const Needs& needs) {
  Needs looked;
  for (const std::string& path : paths) {
    FileCall call = look_call(*draft_.view.platform, path, identities[path].as_string());
    looked.push_back(draft_.add(Steps::look(std::move(call), container),
                                "what lies there is mounted at the start", needs));
  }
  return looked.empty() ? needs : looked;
}

// Whatever starts a container that is there waits for these.
ProcessDiff::Needs ProcessDiff::look_at_mounts(const SeenContainer& container, const Needs& needs) {
  const Result<Json> label = Json::parse(container.mounts);
  const bool first = container.state == "created" && label;
  return look_at(container.name, said_mounts(container, *draft_.view.platform),
                 first ? *label : Json::object(), needs);
}

}  // namespace fairlead::docker
