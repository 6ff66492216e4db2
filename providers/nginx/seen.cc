#include "providers/nginx/seen.h"

#include <algorithm>

namespace fairlead::nginx {
namespace {

constexpr char current_begin[] = "include generation.";
constexpr char current_end[] = ".conf;\n";
// It may have been something else than the site: each try holds up the others for seconds.
constexpr std::chrono::seconds not_taken_pause{30};
constexpr int not_taken_doublings = 4;

}  // namespace

const Index& SeenEdge::sites(const std::string& generation) const {
  static const Index none;
  const auto found = generations.find(generation);
  return found == generations.end() ? none : *found->second;
}

const Index* SeenEdge::live_sites() const {
  const auto found = live.empty() ? generations.end() : generations.find(live);
  return found == generations.end() ? nullptr : &*found->second;
}

bool SeenEdge::lost() const {
  return answers && !live_sites() && files->count(generation_path(live)) == 0;
}

std::vector<std::string> changed_apps(const Index& before, const Index& after) {
  std::vector<std::string> apps;
  if (&before == &after) return apps;
  for (const auto& [app, site] : after) {
    const auto held = before.find(app);
    if (held == before.end() || held->second != site) apps.push_back(app);
  }
  for (const auto& [app, site] : before) {
    if (after.count(app) == 0) apps.push_back(app);
  }
  return apps;
}

Duration not_taken_until(const Counter& counter) {
  return counter.last + not_taken_pause * (1 << std::min(counter.count - 1, not_taken_doublings));
}

std::string site_name(const std::string& app, const std::string& id) { return app + "." + id; }

std::string site_path(const std::string& app, const std::string& id) {
  return "sites/" + site_name(app, id) + ".conf";
}

std::string generation_path(const std::string& id) { return "generation." + id + ".conf"; }

std::string current_text(const std::string& generation) {
  return current_begin + generation + current_end;
}

std::string parse_current(const std::string& text) {
  const std::string begin = current_begin;
  const std::string end = current_end;
  if (!text.starts_with(begin) || !text.ends_with(end)) return "";
  if (text.size() <= begin.size() + end.size()) return "";
  const std::string id = text.substr(begin.size(), text.size() - begin.size() - end.size());
  return id.find_first_not_of("0123456789abcdef") == id.npos ? id : "";
}

}  // namespace fairlead::nginx
