#include <algorithm>

#include "tests/sim/sim_engine.h"

// Images: local ones, pulls from the simulated registries.
namespace fairlead::sim {
namespace {

std::string with_tag(const std::string& ref) {
  const std::size_t slash = ref.rfind('/');
  const std::size_t from = slash == std::string::npos ? 0 : slash;
  const bool tagged =
      ref.find(':', from) != std::string::npos || ref.find('@') != std::string::npos;
  return tagged ? ref : ref + ":latest";
}

// The content decides the id: a changed image under the same reference has another one.
std::string id_of(const SimImage& image) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const std::string text = image.ref + to_json(image.labels).canonical() + join(image.env, "\n") +
                           join(image.cmd, "\n") + image.healthcheck.canonical() +
                           to_json(image.files).canonical();
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return "sha256:" + Random(hash).hex(64);
}

Json image_json(const SimImage& image) {
  Json config =
      Json::object({{"Env", Json(image.env)},
                    {"Cmd", image.cmd.empty() ? Json() : Json(image.cmd)},
                    {"Entrypoint", image.entrypoint.empty() ? Json() : Json(image.entrypoint)},
                    {"Labels", image.labels.empty() ? Json() : to_json(image.labels)}});
  if (!image.healthcheck.is_null()) config.set("Healthcheck", image.healthcheck);
  const bool digest = image.ref.find('@') != std::string::npos;
  const bool tagged = !digest && image.ref != image.id;
  return Json::object({{"Id", image.id},
                       {"RepoTags", tagged ? Json::array({image.ref}) : Json::array()},
                       {"RepoDigests", digest ? Json::array({image.ref}) : Json::array()},
                       {"Parent", ""},
                       {"Created", "2026-01-01T00:00:00Z"},
                       {"Config", config},
                       {"Architecture", "amd64"},
                       {"Os", "linux"},
                       {"Size", 1982319}});
}

}  // namespace

void SimEngine::add_image(SimImage image, bool tells) {
  image.ref = with_tag(image.ref);
  if (image.id.empty()) image.id = id_of(image);
  const auto before = images_.find(image.ref);
  if (before != images_.end() && before->second.id != image.id) {
    SimImage untagged = std::move(before->second);
    untagged.ref = untagged.id;
    images_[untagged.id] = std::move(untagged);
  }
  if (tells) emit("image", "tag", image.id, {{"name", image.ref}});
  images_[image.ref] = std::move(image);
}

void SimEngine::add_to_registry(SimPull pull) {
  pull.image.ref = with_tag(pull.image.ref);
  registry_[pull.image.ref] = std::move(pull);
}

void SimEngine::remove_image(const std::string& ref) {
  const auto found = images_.extract(with_tag(ref));
  if (found.empty()) return;
  emit("image", "untag", found.mapped().id, {{"name", found.mapped().id}});
  emit("image", "delete", found.mapped().id, {{"name", found.mapped().id}});
}

const SimImage* SimEngine::find_image(const std::string& ref) const {
  // Beside a digest a tag says nothing.
  if (const std::size_t at = ref.find('@'); at != std::string::npos) {
    const std::size_t colon = ref.rfind(':', at);
    const bool tagged = colon != std::string::npos && ref.find('/', colon) == std::string::npos;
    if (tagged) return find_image(ref.substr(0, colon) + ref.substr(at));
  }
  if (const auto found = images_.find(with_tag(ref)); found != images_.end()) return &found->second;
  for (const auto& [key, image] : images_) {
    if (image.id == ref || (ref.size() >= 12 && image.id.starts_with("sha256:" + ref)))
      return &image;
  }
  return nullptr;
}

SimEngine::Handler SimEngine::route_image(const HttpCall& call, const Target& target,
                                          Ticket ticket) {
  if (call.method == "GET" && target.part(1) == "json") {
    Json list = Json::array();
    for (const auto& [ref, image] : images_) {
      const Json whole = image_json(image);
      list.push(Json::object({{"Id", image.id},
                              {"RepoTags", whole["RepoTags"]},
                              {"RepoDigests", whole["RepoDigests"]},
                              {"Labels", whole["Config"]["Labels"]},
                              {"Size", whole["Size"]},
                              {"Containers", -1}}));
    }
    return answer_json(200, list);
  }
  if (call.method == "POST" && target.part(1) == "create") return pull(target, ticket);
  if (call.method == "GET" && target.parts.size() > 2 && target.parts.back() == "json") {
    const std::string ref =
        join(std::vector<std::string>(target.parts.begin() + 1, target.parts.end() - 1), "/");
    if (const SimImage* image = find_image(ref)) return answer_json(200, image_json(*image));
    const std::string missing = "o such image: " + ref;
    return answer_error(404, newer() ? "N" + missing : "n" + missing + ": N" + missing);
  }
  return answer_error(404, "page not found");
}

SimEngine::Handler SimEngine::pull(const Target& target, Ticket ticket) {
  const std::string tag = target.word("tag");
  const bool digest = tag.starts_with("sha256:");
  const std::string ref =
      with_tag(target.word("fromImage") + (tag.empty() ? "" : (digest ? "@" : ":") + tag));
  const std::string& name = target.word("fromImage");
  if (std::any_of(name.begin(), name.end(),
                  [](char c) { return std::isupper(static_cast<unsigned char>(c)); })) {
    return answer_error(400, newer()
                                 ? "invalid reference format: repository name (library/" + name +
                                       ") must be lowercase"
                                 : "invalid reference format: repository name must be lowercase");
  }
  const auto known = registry_.find(ref);
  if (known == registry_.end()) {
    return answer_error(404,
                        "manifest for " + ref + " not found: manifest unknown: manifest unknown");
  }
  if (known->second.refused != 0) return answer_error(known->second.refused, known->second.error);
  const bool first = pulls_.count(ref) == 0;
  PullUnderWay& pull = pulls_[ref];
  pull.waiters.insert(ticket);
  if (!first) return std::nullopt;
  pull.number = ++timer_number_;
  constexpr int pieces = 4;
  for (int piece = 1; piece < pieces; ++piece) {
    after(known->second.takes * piece / pieces, [this, ref, number = pull.number, piece] {
      const auto found = pulls_.find(ref);
      if (found == pulls_.end() || found->second.number != number) return;
      for (const Ticket waiter : found->second.waiters) {
        found->second.lines[waiter].push_back(
            Json::object({{"status", "Downloading"},
                          {"progressDetail",
                           Json::object({{"current", piece * 1000}, {"total", pieces * 1000}})},
                          {"id", "0123456789ab"}})
                .dump());
      }
    });
  }
  after(known->second.takes, [this, ref, number = pull.number] {
    const auto found = pulls_.find(ref);
    if (found != pulls_.end() && found->second.number == number) pulled(ref);
  });
  return std::nullopt;
}

std::vector<std::string> SimEngine::take_progress(Ticket ticket) {
  for (auto& [ref, pull] : pulls_) {
    const auto found = pull.lines.find(ticket);
    if (found != pull.lines.end()) return std::exchange(found->second, {});
  }
  return {};
}

void SimEngine::pulled(const std::string& ref) {
  const auto done = pulls_.extract(ref);
  const SimPull& plan = registry_.at(ref);
  const std::string tag = ref.substr(ref.rfind(':') + 1);
  Answer answer{200, Json::object({{"status", "Pulling from " + ref}, {"id", tag}}).dump() + "\r\n",
                ""};
  if (plan.error.empty()) {
    if (plan.arrives) add_image(plan.image);
    emit("image", "pull", ref, {{"name", ref.substr(0, ref.rfind(':'))}});
    answer.body +=
        Json::object({{"status", "Status: Downloaded newer image for " + ref}}).dump() + "\r\n";
  } else {
    answer.body += Json::object({{"errorDetail", Json::object({{"message", plan.error}})},
                                 {"error", plan.error}})
                       .dump() +
                   "\r\n";
  }
  std::vector<Ticket> waiters(done.mapped().waiters.begin(), done.mapped().waiters.end());
  finish(waiters, answer);
}

}  // namespace fairlead::sim
