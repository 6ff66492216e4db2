#include "providers/docker/capabilities.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace fairlead::docker {
namespace {

std::string bare(const std::string& name) {
  return name.starts_with("CAP_") ? name.substr(4) : name;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

const std::vector<std::string>& standard_capabilities() {
  static const std::vector<std::string> kept = {
      "CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL", "NET_BIND_SERVICE"};
  return kept;
}

std::string profile_of(const Json& host_config) {
  const auto& dropped = host_config["CapDrop"].items();
  if (dropped.empty()) return "";
  const bool all = std::any_of(dropped.begin(), dropped.end(),
                               [](const Json& name) { return bare(name.as_string()) == "ALL"; });
  if (!all) return "older";
  const auto& kept = standard_capabilities();
  const auto& added = host_config["CapAdd"].items();
  const bool within = std::all_of(added.begin(), added.end(), [&](const Json& name) {
    return std::find(kept.begin(), kept.end(), bare(name.as_string())) != kept.end();
  });
  if (!within) return "older";
  return added.empty() ? "strict" : "standard";
}

std::string capability_hint(const std::string& profile, const std::string& last_lines) {
  constexpr std::string_view refused = "operation not permitted";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto found =
      std::search(last_lines.begin(), last_lines.end(), refused.begin(), refused.end(), same);
  const bool is_refused = found != last_lines.end() || last_lines.find("EPERM") != last_lines.npos;
  if (!is_refused || (profile != "standard" && profile != "strict")) return "";
  const std::string left = profile == "strict"
                               ? "every capability"
                               : "every capability but " + joined(standard_capabilities());
  return "; it may need a capability: the profile `" + profile + "` drops " + left;
}

}  // namespace fairlead::docker
