#include "tests/sim/sim_registry.h"

namespace fairlead::sim {
namespace {

constexpr char root[] = "/v2/";
constexpr char tags_list[] = "/tags/list";
constexpr char manifests[] = "/manifests/";

Answer refused(int status, const std::string& code, const std::string& message) {
  const Json error = Json::object({{"code", code}, {"message", message}});
  return {status, Json::object({{"errors", Json::array({error})}}).dump(), "", {}};
}

}  // namespace

std::string SimRegistry::digest(char digit) { return "sha256:" + std::string(64, digit); }

std::optional<Answer> SimRegistry::ask(const HttpCall& call) {
  if (!up_) return Answer{0, "", "connect: connection refused", {}};
  ++asked_;
  if (silent_) return std::nullopt;
  if (!user_.empty() && (!call.login || call.login->user != user_)) {
    Answer answer = refused(401, "UNAUTHORIZED", "authentication required");
    answer.headers["www-authenticate"] = "Basic realm=\"test\"";
    return answer;
  }
  const std::string path = call.path.substr(0, call.path.find('?'));
  const std::size_t begin = sizeof root - 1;
  if (call.method == "GET" && path.ends_with(tags_list)) {
    return tags(path.substr(begin, path.size() - begin - (sizeof tags_list - 1)));
  }
  const std::size_t at = path.find(manifests);
  if (call.method != "HEAD" || at == path.npos) return Answer{404, "404 page not found\n", "", {}};
  return manifest(path.substr(begin, at - begin), path.substr(at + sizeof manifests - 1));
}

Answer SimRegistry::tags(const std::string& repository) const {
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) {
    return refused(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  Json list = Json::array();
  for (const auto& [tag, digest] : found->second) list.push(tag);
  return {200, Json::object({{"name", repository}, {"tags", list}}).dump(), "", {}};
}

Answer SimRegistry::manifest(const std::string& repository, const std::string& tag) const {
  const auto found = repositories_.find(repository);
  const bool known = found != repositories_.end() && found->second.count(tag) > 0;
  if (!known) return refused(404, "MANIFEST_UNKNOWN", "manifest unknown");
  return {200, "", "", {{"docker-content-digest", found->second.at(tag)}}};
}

}  // namespace fairlead::sim
